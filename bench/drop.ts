import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Agent, request } from 'undici'
import { checkDigit13 } from '#kernel/isbn'
import { startStore } from '../test/support/whole-store.ts'
import { cpuMsBelow } from './cpu.ts'
import { figuresOf, ms, printTable, round } from './rounds.ts'
import { addTitle } from './titles.ts'

// A drop with its crowd, on a whole store as `npm start` runs it: readers with the page open, its count live, who look at
// it again now and then, and buyers who come at their own pace whether the store keeps up or not.
const { values } = parseArgs({
  options: {
    readers: { type: 'string', default: '2000' },
    buyers: { type: 'string', default: '134' },
    seconds: { type: 'string', default: '15' },
    copies: { type: 'string', default: '1000' },
    'look-again': { type: 'string', default: '5' },
  },
})
const [readers, perSecond, seconds, copies, againSeconds] = [
  Number(values.readers),
  Number(values.buyers),
  Number(values.seconds),
  Number(values.copies),
  Number(values['look-again']),
]
/** Readers come from so many addresses: of one address a store takes a thousand live pages. */
const addresses = Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 1}`)
const answerMaxMs = 60_000
const toldMaxMs = 10_000

await using stack = new AsyncDisposableStack()
const endings: (() => unknown)[] = []
stack.defer(async () => {
  for (const end of endings.reverse()) await end()
})
const store = await startStore({ after: (end: () => unknown) => endings.push(end) }, 'off')
const { port } = new URL(store.url)
const twelve = '978649000888'
const isbn = twelve + checkDigit13(twelve)
await addTitle(store, { isbn, copies, price: { amount: 2_500, currency: 'EUR' }, limited: true })

const agents = addresses.map((localAddress) => new Agent({ connect: { localAddress }, connections: 64 }))
const agentOf = (i: number) => agents[i % agents.length] as Agent
const counts = await openLivePages()
const before = cpuMsBelow(process.pid)
const stop = new AbortController()
const [pages, looking] = look()
const sold = await buy()
stop.abort()
await looking
const last = await told()
const cost = [...cpuMsBelow(process.pid)].map(
  ([name, used]) => [name, (used - (before.get(name) ?? 0)) / 1000] as const,
)
for (const agent of agents) await agent.close()

console.log(
  `\n${readers} readers with the page open and live, each looking again every ${againSeconds} s; ${perSecond} buyers/s for ${seconds} s; ${copies} copies`,
)
const row = (name: string, waits: readonly number[]) => {
  const { p50Ms, p99Ms } = figuresOf(waits, seconds * 1000)
  return [name, round(waits.length), ms(p50Ms), ms(p99Ms), ms(Math.max(0, ...waits))]
}
printTable(
  ['', 'answers', 'p50', 'p99', 'longest'],
  [row('page', pages.waits), row('reservation', sold.waits)],
)
console.log(`\npages ${JSON.stringify(pages.statuses)}, reservations ${JSON.stringify(sold.statuses)}`)
console.log(
  `sold ${sold.statuses[201] ?? 0} of ${copies}; live pages that show what is left: ${last.right} of ${readers}`,
)
console.log('\nProcessor time in all')
printTable(
  ['', 'seconds'],
  cost.sort((a, b) => b[1] - a[1]).map(([name, used]) => [name, used.toFixed(1)]),
)
if ((sold.statuses[201] ?? 0) !== Math.min(copies, Math.floor(perSecond * seconds)))
  throw new Error('not exactly the copies there were have been sold')

/** Opens all live pages and keeps what each was told last. */
async function openLivePages(): Promise<number[]> {
  const available = Array.from({ length: readers }, () => Number.NaN)
  const open = async (i: number) => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      localAddress: addresses[i % addresses.length] as string,
    })
    endings.push(() => socket.destroy())
    socket.on('error', () => undefined)
    socket.write(
      `GET /api/books/${isbn}/availability/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`,
    )
    socket.setEncoding('latin1').on('data', (text) => {
      const told = [...String(text).matchAll(/"available":(\d+)/g)].at(-1)?.[1]
      if (told !== undefined) available[i] = Number(told)
    })
    const giveUpMs = performance.now() + answerMaxMs
    while (Number.isNaN(available[i]) && performance.now() < giveUpMs) await sleep(20)
  }
  const some = 50
  for (let i = 0; i < readers; i += some)
    await Promise.all(Array.from({ length: Math.min(some, readers - i) }, (_, k) => open(i + k)))
  const opened = available.filter((each) => !Number.isNaN(each)).length
  if (opened < readers) throw new Error(`${opened} of ${readers} live pages have opened`)
  return available
}

type Answers = { waits: number[]; statuses: Record<string, number> }

async function note(
  answers: Answers,
  asking: Promise<{ statusCode: number; body: { dump(): Promise<unknown> } }>,
) {
  const start = performance.now()
  const status = await asking.then(
    async ({ statusCode, body }) => {
      await body.dump()
      return statusCode
    },
    () => 0,
  )
  answers.waits.push(performance.now() - start)
  answers.statuses[status] = (answers.statuses[status] ?? 0) + 1
}

/** Every reader looks at the page again every few seconds, each at a moment of its own. */
function look(): [Answers, Promise<unknown>] {
  const answers: Answers = { waits: [], statuses: {} }
  const one = async (i: number) => {
    await sleep(Math.random() * againSeconds * 1000)
    while (!stop.signal.aborted) {
      const asked = request(`${store.url}/api/books/${isbn}`, {
        dispatcher: agentOf(i),
        headersTimeout: answerMaxMs,
      })
      await note(answers, asked)
      await sleep(againSeconds * 1000, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }
  return [answers, Promise.all(Array.from({ length: readers }, (_, i) => one(i)))]
}

/** Buyers come evenly, and none waits for another. */
async function buy(): Promise<Answers> {
  const answers: Answers = { waits: [], statuses: {} }
  const start = performance.now()
  const all: Promise<void>[] = []
  for (let i = 0; i < Math.floor(perSecond * seconds); i++) {
    await sleep(Math.max(0, start + (i * 1000) / perSecond - performance.now()))
    const asked = request(`${store.url}/api/orders`, {
      ...{ method: 'POST', dispatcher: agentOf(i), headersTimeout: answerMaxMs },
      headers: { 'content-type': 'application/json', 'idempotency-key': `drop-${i}-${crypto.randomUUID()}` },
      body: JSON.stringify({
        customer: { name: 'Ada Byron', email: `ada-${i}@example.org` },
        lines: [{ isbn, quantity: 1 }],
      }),
    })
    all.push(note(answers, asked))
  }
  await Promise.all(all)
  return answers
}

/** What the live pages show once the last of them has heard of it. */
async function told(): Promise<{ right: number }> {
  const left = copies - (sold.statuses[201] ?? 0)
  const giveUpMs = performance.now() + toldMaxMs
  for (;;) {
    const right = counts.filter((each) => each === left).length
    if (right === readers || performance.now() > giveUpMs) return { right }
    await sleep(50)
  }
}
