import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Clock } from '#ports/clock'
import { systemClock } from '#ports/clock'
import { watchAlerts } from './alerts.ts'

type Scope = { after(clean: () => void): void }

async function serve(t: Scope, answer: (path: string, token: string | undefined) => [number, string]) {
  const server = createServer((request, response) => {
    const [status, text] = answer(request.url ?? '', request.headers.authorization)
    response.writeHead(status).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A clock that a test turns. */
function turnable(): { clock: Clock; turn(ms: number): void } {
  let ahead = 0
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + ahead,
    monotonicMs: () => systemClock.monotonicMs() + ahead,
  }
  return {
    clock,
    turn(ms) {
      ahead += ms
    },
  }
}

test("without an Alertmanager the roles' numbers tell, after as long as the rule says", async (t) => {
  let prepared = 31
  const numbers = () =>
    `octavo_prepared_oldest_seconds ${prepared}\noctavo_database_up{database="orders"} 1\n` +
    'octavo_fault_switch{fault="failing-pdf"} 1\noctavo_fault_switch{fault="slow-payment"} 0\n'
  const role = await serve(t, (_, token) => (token === 'Bearer known' ? [200, numbers()] : [401, '']))
  const { clock, turn } = turnable()
  const gone = 'http://127.0.0.1:9'
  const look = watchAlerts({
    ...{ clock, alertmanager: undefined, metricsToken: 'known' },
    instances: () => [role, gone],
  })
  const names = async () => (await look()).firing.map(({ name }) => name)
  assert.deepEqual(await names(), ['OctavoSwitchedFault'], 'a fault that is set is told at once')
  turn(16_000)
  assert.deepEqual(
    await names(),
    ['OctavoPreparedTooOld', 'OctavoSwitchedFault'],
    'what wakes somebody is first',
  )
  const { from, firing } = await look()
  assert.equal(from, 'own')
  assert.equal(firing[0]?.runbook, 'docs/runbooks/octavo-prepared-too-old.md')
  assert.equal(firing[1]?.summary, 'The fault switch failing-pdf is set.')
  prepared = 0
  turn(6_000)
  assert.deepEqual(await names(), ['OctavoSwitchedFault'], 'it clears')
})

test('where there is an Alertmanager it is asked, and what it knows nothing of the numbers tell', async (t) => {
  const alert = (alertname: string, state: string) => ({
    startsAt: '2026-01-02T03:04:05.000Z',
    status: { state },
    labels: { alertname, severity: 'page' },
    annotations: { summary: 'Reads fail.', runbook: 'docs/runbooks/octavo-reads-burn-fast.md' },
  })
  const told = [alert('OctavoReadsBurnFast', 'active'), alert('OctavoSwitchedFault', 'suppressed')]
  let isAway = false
  const alertmanager = await serve(t, (path) => {
    assert.equal(path, '/api/v2/alerts')
    return isAway ? [503, ''] : [200, JSON.stringify(told)]
  })
  let numbers = 'octavo_fault_switch{fault="failing-pdf"} 1\n'
  const role = await serve(t, () => [200, numbers])
  const { clock, turn } = turnable()
  const look = watchAlerts({ clock, alertmanager, metricsToken: '', instances: () => [role] })
  assert.deepEqual(await look(), {
    from: 'alertmanager',
    firing: [
      {
        ...{ name: 'OctavoReadsBurnFast', severity: 'page', summary: 'Reads fail.' },
        ...{ runbook: 'docs/runbooks/octavo-reads-burn-fast.md', since: '2026-01-02T03:04:05.000Z' },
      },
    ],
  })
  const names = async () => {
    turn(6_000)
    const { from, firing } = await look()
    return [from, ...firing.map(({ name }) => name)]
  }
  numbers += 'octavo_oversold_titles 1\n'
  assert.deepEqual(
    await names(),
    ['alertmanager', 'OctavoReadsBurnFast', 'OctavoOversold'],
    'its Prometheus may be away',
  )
  isAway = true
  assert.deepEqual(await names(), ['own', 'OctavoOversold', 'OctavoSwitchedFault'])
})
