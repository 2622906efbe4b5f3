import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig, readSecrets } from '#config'
import { onFaultPoint } from '#kernel/fault-point'
import { openDiscovery } from '#ports/discovery'
import { createHttpServer } from '#ports/http'
import { openObjectStore } from '#ports/object-store'
import { requestVouchers, voucherObjectKey } from '#services/vouchers'
import { main } from '../../src/main.ts'
import { stopSignal } from '../../src/process/stop-signal.ts'
import { breakBuild } from './broken-builds.ts'
import { fallSickWhenTold } from './sick-requests.ts'

/**
 * `node faulty-role.ts serve ROLE`: a role as it is in production, except that it dies or freezes at a named moment when
 * a file of that moment's name lies in OCTAVO_TEST_FAULT_FOLDER. Vouchers are stood in for: nothing is drawn here.
 */
const [command = '', role = ''] = process.argv.slice(2)
const folder = process.env.OCTAVO_TEST_FAULT_FOLDER ?? ''

/** What was answered before dying has to have left. */
const answerLeavesMs = 40

onFaultPoint(async (point) => {
  const armed = join(folder, point.replace(':', '.'))
  try {
    // Of all processes that come to this moment, the one that takes the file away is struck.
    renameSync(armed, `${armed}.taken`)
  } catch {
    return
  }
  if (point === 'coordinator:after-answer') await sleep(answerLeavesMs)
  writeFileSync(`${armed}.struck`, JSON.stringify({ pid: process.pid, point }))
  process.kill(process.pid, readFileSync(`${armed}.taken`, 'utf8') === 'freeze' ? 'SIGSTOP' : 'SIGKILL')
})
fallSickWhenTold(folder)
if (process.env.OCTAVO_BREAKABLE)
  breakBuild(role, () => {
    const file = join(folder, 'broken')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  })
process.exit(role === 'vouchers' ? await serveVouchers() : await main([command, role]))

/** Stores a word for every voucher at once: the typesetter is not what is tried here. */
async function serveVouchers(): Promise<number> {
  const stop = stopSignal()
  const config = readConfig(process.env)
  const { secret, objectStore } = readSecrets(process.env, ['secret', 'objectStore'])
  await using discovery = await openDiscovery(config.discovery.url, { secret })
  await using objects = await openObjectStore(objectStore, { secret })
  await using server = createHttpServer({ name: 'vouchers', secret })
  server.add(requestVouchers, async ({ body: { vouchers } }) => {
    for (const { orderId, code } of vouchers)
      await objects.put(voucherObjectKey(orderId, code), Buffer.from('a voucher'), 'text/plain')
    return { stored: vouchers.map(({ code }) => code), dueInMs: 0 }
  })
  const url = await server.listen({ host: config.service.host, port: 0 })
  await using _lease = await discovery.register({ service: 'vouchers', id: 'stand-in', url, version: '0' })
  // Its supervisor watches it from here on, as it does the others.
  process.send?.({ kind: 'serves', role: 'vouchers', url })
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }))
  return 0
}
