import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Ajv } from 'ajv'
import { placeOrder } from '#services/coordinator'
import { type StoreInProcess, startStoreInProcess } from '../support/store-in-process.ts'
import { type TurnWatchdog, watchTurns } from './turn-watchdog.ts'
import { pipelined, type WorstRequest, worstRequests } from './worst-requests.ts'

/** All roles share one process here, and the clearing of memory counts as well. */
const turnMsMax = 10 * slowness()
/** What holds the loop does so every time; compiling code and clearing memory do it once. */
const tries = 12

let store: StoreInProcess
let sender: Worker
let watchdog: TurnWatchdog
const cleanUp: (() => unknown)[] = []

before(async () => {
  store = await startStoreInProcess({ after: (work) => cleanUp.unshift(work) }, 'event_loop')
  sender = new Worker(new URL('./sender.ts', import.meta.url), {
    workerData: { port: Number(new URL(store.url).port) },
  })
  watchdog = watchTurns()
})
after(async () => {
  watchdog[Symbol.dispose]()
  await sender.terminate()
  for (const work of cleanUp) await work()
})

/** The shortest, over some tries, of the longest turns that a request causes. */
async function heldMs({ bytes }: WorstRequest): Promise<{ ms: number; status: number }> {
  let [ms, status] = [Number.POSITIVE_INFINITY, 0]
  for (let i = 0; i < tries && ms > (i < 2 ? turnMsMax / 2 : turnMsMax); i++) {
    watchdog.longestMs()
    sender.postMessage(bytes)
    ;[status] = (await once(sender, 'message')) as [number]
    ms = Math.min(ms, watchdog.longestMs())
  }
  return { ms, status }
}

test('nothing that a stranger can send to any route holds an event loop', async (t) => {
  const tooLong: string[] = []
  let worst = { ms: 0, name: '' }
  const requests = worstRequests()
  for (const request of requests) {
    const { ms, status } = await heldMs(request)
    assert.ok(status < 500, `${request.name} was answered with ${status}`)
    if (ms > worst.ms) worst = { ms, name: request.name }
    if (ms > turnMsMax) tooLong.push(`${request.name}: ${ms.toFixed(1)} ms`)
  }
  t.diagnostic(`${requests.length} requests; the longest turn: ${worst.ms.toFixed(1)} ms, ${worst.name}`)
  assert.deepEqual(tooLong, [])
})

test('requests sent ahead of their answers hold no event loop either', async () => {
  const { ms } = await heldMs({ name: 'pipelined', bytes: pipelined })
  assert.ok(ms <= turnMsMax, `${ms.toFixed(1)} ms`)
})

test('without bounds on what is looked at, one body of what strangers may send holds the loop too long', async () => {
  const ajv = new Ajv({ strict: false, allErrors: true })
  const validate = ajv.compile(JSON.parse(JSON.stringify(placeOrder.body)))
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await request.setEncoding('utf8').toArray()).join(''))
    response.end(String(validate(body) || JSON.stringify(validate.errors).length))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const body = `{"lines":[${'{},'.repeat(300_000)}{}]}`
  watchdog.longestMs()
  await (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body })).text()
  assert.ok(watchdog.longestMs() > turnMsMax)
  server.close()
  server.closeAllConnections()
})

/** How many times slower than usual this machine is, at work of the kind that is measured. */
function slowness(): number {
  const text = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ i, text: 'a' })))
  const usualMs = 3
  let bestMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < 10; i++) {
    const { user, system } = process.threadCpuUsage()
    JSON.parse(text)
    const now = process.threadCpuUsage()
    bestMs = Math.min(bestMs, (now.user - user + now.system - system) / 1000)
  }
  return Math.max(1, bestMs / usualMs)
}

test('the watchdog notices a turn that is too long', async () => {
  watchdog.longestMs()
  const startedMs = performance.now()
  while (performance.now() - startedMs < 60) Math.sqrt(startedMs)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.ok(watchdog.longestMs() > turnMsMax)
})
