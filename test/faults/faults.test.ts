import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { openBookDb } from '../support/book-db.ts'
import { until } from '../support/until.ts'
import { placeOrder, type Wanted } from './clients.ts'
import { runFaults } from './fault-run.ts'
import { type FaultyStore, startFaultyStore, thaw } from './faulty-store.ts'
import { checkHistory, inDoubt } from './history.ts'
import { addTitles } from './titles.ts'

test('a store whose parts die and freeze', { timeout: 240_000 }, async (t) => {
  const store = await startFaultyStore(t, { holdSeconds: 8 })
  const agent = new Agent()
  t.after(() => agent.close())

  await t.test('orders survive the deaths and freezes of every part', async (t) => {
    const run = await runFaults(store, {
      ...{ killsMax: 12, limitMs: 12_000, clients: 10, clientPauseMs: 60, strikePauseMs: 300 },
      ...{ copies: [1_000_000, 60], acknowledgedMin: 40 },
    })
    t.diagnostic(
      `${run.acknowledged} orders acknowledged across ${run.strikes.kills} kills and ` +
        `${run.strikes.done.length - run.strikes.kills} freezes; longest time without a sale ${Math.round(run.longestGapMs)} ms`,
    )
    assert.ok(run.acknowledged > 30, 'the shop went on selling')
    assert.deepEqual([...run.lost, ...run.findings, ...run.wrong], [])
    assert.equal(run.inDoubt, 0)
  })

  await t.test('a title sells again after its coordinator died with it', async (t) => {
    const [isbn] = (await addTitles(store, [1_000], 2)) as [string]
    for (const point of deaths) {
      const armed = store.arm(point, 'kill')
      const first = order(store, agent, isbn)
      assert.ok(await armed.struck(20_000), `a coordinator died ${point}`)
      const diedMs = performance.now()
      const second = await order(store, agent, isbn)
      t.diagnostic(`${point}: sold again after ${Math.round(performance.now() - diedMs)} ms`)
      assert.ok(performance.now() - diedMs < 10_000)
      assert.deepEqual((await checkHistory([await first, second], store.secrets)).lost, [])
    }
  })
})

// No hold may run out while it goes on: a copy that came back that way would be sold to both, and rightly.
test('a coordinator that sleeps through its recovery commits nothing afterwards', {
  timeout: 120_000,
}, async (t) => {
  const store = await startFaultyStore(t)
  const agent = new Agent()
  t.after(() => agent.close())
  const [isbn] = (await addTitles(store, [1])) as [string]
  const armed = store.arm('coordinator:after-prepare', 'freeze')
  const leaver = new Agent()
  const sleeper = order(store, leaver, isbn, 1)
  const pid = await armed.struck(20_000)
  assert.ok(pid)
  // Whoever waits is answered by the other coordinator, and then there is nothing left to commit.
  await leaver.destroy()
  await recovered(store)
  // The only copy is free again: whoever comes to another coordinator first gets it, and the sleeper must not.
  const other = await order(store, agent, isbn)
  thaw(pid)
  const late = await sleeper
  await sleep(500)
  const verdict = await checkHistory([late, other], store.secrets)
  assert.deepEqual([...verdict.lost, ...verdict.findings], [])
  assert.equal(verdict.acknowledged, 1, JSON.stringify([late, other]))
})

const deaths = [
  'coordinator:after-prepare',
  'coordinator:after-decision',
  'coordinator:after-answer',
] as const

test('the checks notice a build without', { timeout: 120_000 }, async (t) => {
  const store = await startFaultyStore(t, { isBreakable: true })
  const agent = new Agent()
  t.after(() => agent.close())

  await t.test('a stock check', async () => {
    const [isbn] = (await addTitles(store, [1], 0)) as [string]
    await using books = await openBookDb(store.secrets.bookDb)
    await books.execute('ALTER TABLE catalog.stock DROP CONSTRAINT stock_never_oversold')
    store.break('no-stock-check')
    const told = [await order(store, agent, isbn), await order(store, agent, isbn)]
    await assertNoticed(store, told, /never exceed/)
  })

  await t.test('a fence', async () => {
    const [isbn] = (await addTitles(store, [5], 1)) as [string]
    store.break('no-fence')
    const armed = store.arm('coordinator:after-prepare', 'freeze')
    const leaver = new Agent()
    const sleeper = order(store, leaver, isbn, 1)
    const pid = await armed.struck(20_000)
    assert.ok(pid)
    // Whoever waits is answered by the other coordinator, and a key has one order.
    await leaver.destroy()
    await recovered(store)
    thaw(pid)
    await assertNoticed(store, [await sleeper], new RegExp(`BookDb and OrderDb agree: ${isbn}`))
  })

  await t.test('a decision before the answer', async () => {
    const [isbn] = (await addTitles(store, [5], 2)) as [string]
    store.break('answer-before-decision')
    const told = await order(store, agent, isbn)
    for (const name of ['orders.1', 'orders.2']) store.kill(name)
    await sleep(1_000)
    await assertNoticed(store, [told], /0 orders are there/)
  })
})

async function assertNoticed(store: FaultyStore, history: readonly Wanted[], what: RegExp): Promise<void> {
  await until(async () => (await inDoubt(store.secrets, 0)) === 0)
  let said = ''
  // Whoever was frozen goes on after its caller was told.
  await until(
    async () => {
      const { lost, findings } = await checkHistory(history, store.secrets)
      said = [...lost, ...findings].join('\n')
      return what.test(said)
    },
    () => `${what} is noticed: ${said}`,
  )
}

async function order({ url }: FaultyStore, agent: Agent, isbn: string, triesMax?: number): Promise<Wanted> {
  const wanted: Wanted = {
    key: `one-order-${Math.random()}`,
    lines: [{ isbn, quantity: 1 }],
    ...{ attempts: [], told: [], token: undefined, afterwards: 'nothing' },
  }
  await placeOrder(url, agent, wanted, () => 0.5, triesMax)
  return wanted
}

/** Waits until somebody has finished what the frozen coordinator left prepared. */
async function recovered(store: FaultyStore): Promise<void> {
  await until(async () => (await inDoubt(store.secrets, 0)) === 0)
}
