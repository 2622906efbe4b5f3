import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { httpLoad } from './http-load.ts'
import { type Figures, median, medians, ms, printTable, ratio, round } from './rounds.ts'

// The gateway against @fastify/http-proxy before the same empty service, in interleaved rounds.
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '3' } },
})
const [seconds, roundsCount] = [Number(values.seconds), Number(values.rounds)]
const connections = 256
const body = JSON.stringify({
  customer: { name: 'Ada Byron', email: 'ada@example.org' },
  lines: [{ isbn: '9780141439518', quantity: 1 }],
})
const requests = {
  'GET, no body': 'GET /api/books/9780141439518 HTTP/1.1\r\nhost: shop\r\naccept: application/json\r\n\r\n',
  'POST an order': `POST /api/orders HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\nidempotency-key: 0123456789\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
}

/** One process that answers: the bare service, or a door in front of it. */
type Door = { url: string; child: ChildProcess }
type Measured = Figures & { cpuMicroseconds: number }

const children: ChildProcess[] = []
try {
  const upstream = await start('upstream')
  const doors = {
    'no gateway': upstream,
    octavo: await start('octavo', upstream.url),
    '@fastify/http-proxy': await start('fastify-http-proxy', upstream.url),
  }
  for (const [what, request] of Object.entries(requests)) {
    const figures = new Map<string, Measured[]>(Object.keys(doors).map((name) => [name, []]))
    for (let i = 0; i <= roundsCount; i++)
      for (const [name, door] of Object.entries(doors)) {
        const measured = await measure(door, request, i === 0 ? 1 : seconds)
        // The first round warms everything up.
        if (i > 0) figures.get(name)?.push(measured)
      }
    print(what, figures)
  }
} finally {
  for (const child of children) child.kill()
}

async function measure(door: Door, request: string, forSeconds: number): Promise<Measured> {
  const before = await cpuOf(door)
  const { figures, statuses } = await httpLoad(door.url, () => request, connections, forSeconds)
  if (Object.keys(statuses).some((status) => !status.startsWith('2')))
    throw new Error(JSON.stringify(statuses))
  return { ...figures, cpuMicroseconds: ((await cpuOf(door)) - before) / (figures.perSecond * forSeconds) }
}

async function cpuOf({ child }: Door): Promise<number> {
  child.send('cpu')
  const [microseconds] = await once(child, 'message')
  return Number(microseconds)
}

async function start(name: string, upstream = ''): Promise<Door> {
  const child = fork(new URL('./gateway-contestants.ts', import.meta.url), [name, upstream], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  children.push(child)
  if (child.stdout === null) throw new Error(`${name} has no output`)
  const [line] = await once(child.stdout, 'data')
  return { url: String(line).trim(), child }
}

function print(what: string, figures: ReadonlyMap<string, Measured[]>): void {
  console.log(
    `\n${what}, ${connections} connections, medians of ${roundsCount} interleaved rounds of ${seconds} s`,
  )
  const cpu = (name: string) => median(figures.get(name)?.map((round) => round.cpuMicroseconds) ?? [])
  const rival = medians(figures.get('@fastify/http-proxy') ?? []).perSecond
  printTable(
    ['', 'requests/s', '÷ http-proxy', 'p50', 'p99', 'CPU each', 'http-proxy ÷'],
    [...figures].map(([name, rounds]) => {
      const { perSecond, p50Ms, p99Ms } = medians(rounds)
      const cpuEach = `${cpu(name).toFixed(0)} µs`
      const cpuRatio = ratio(cpu('@fastify/http-proxy') / cpu(name))
      return [name, round(perSecond), ratio(perSecond / rival), ms(p50Ms), ms(p99Ms), cpuEach, cpuRatio]
    }),
  )
}
