import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  bundleRoute,
  callHeader,
  callSigner,
  createHttpServer,
  decodeAnswers,
  encodeBundle,
  openPool,
} from '#ports/http'
import { placeOrder } from '#services/coordinator'

/**
 * What an order's way from the gateway to the coordinator costs, by a socket and within one process (`octavo serve
 * gateway,coordinator`): processor time an order, both sides of it, with an empty coordinator.
 */
const secret = 'secret'
await using server = createHttpServer({ name: 'coordinator', secret })
server.addDirect(placeOrder, async ({ body }) => ({ id: randomUUID(), lines: body.lines }) as never)
const url = await server.listen({ host: '127.0.0.1', port: 0 })
const pool = openPool(url, 16)
const signer = callSigner(secret)

const customer = { name: 'Ada Byron', email: 'ada@example.org' }
const body = Buffer.from(JSON.stringify({ customer, lines: [{ isbn: '9780141439518', quantity: 1 }] }))
const type = 'application/json'
const requests = (count: number) =>
  Array.from({ length: count }, () => ({
    id: randomUUID(),
    headers: { 'content-type': type, 'idempotency-key': randomUUID() },
    body,
  }))

async function bySocket(count: number): Promise<void> {
  const [{ path, method }, bytes] = [bundleRoute, encodeBundle(placeOrder.path, requests(count))]
  const headers = {
    'content-type': 'application/octet-stream',
    [callHeader]: signer.call(method, path, bytes),
  }
  const answer = await pool.request({ path, method, headers, body: bytes })
  decodeAnswers(await answer.body.bytes())
}

async function alone(): Promise<void> {
  const [{ headers, body }] = requests(1) as [ReturnType<typeof requests>[number]]
  const own = { ...headers, [callHeader]: signer.pass('coordinator') }
  const answer = await pool.request({ path: placeOrder.path, method: 'POST', headers: own, body })
  await answer.body.bytes()
}

const inProcess = (count: number) => server.local.answerAll(placeOrder.path, requests(count))

async function microseconds(work: () => Promise<unknown>, times: number): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

const ofRounds = new Map<number, [number, number][]>([1, 8, 64, 256].map((count) => [count, []]))
for (let round = 0; round < 6; round++)
  for (const [count, rounds] of ofRounds) {
    const times = Math.ceil(2_000 / count)
    const there = await microseconds(count === 1 ? alone : () => bySocket(count), times)
    const here = await microseconds(() => inProcess(count), times)
    // The first round warms up.
    if (round > 0) rounds.push([there / count, here / count])
    await sleep(50)
  }
const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
console.log('orders together   by socket   in process   ratio')
for (const [count, rounds] of ofRounds) {
  const [there, here] = [middle(rounds.map(([each]) => each)), middle(rounds.map(([, each]) => each))]
  const cells = [`${there.toFixed(1)} µs`.padStart(16), `${here.toFixed(1)} µs`.padStart(13)]
  console.log(String(count).padStart(10) + cells.join('') + (here / there).toFixed(2).padStart(8))
}
await pool.close()
