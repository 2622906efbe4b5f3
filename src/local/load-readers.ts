import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from '#ports/connections'

export type Kind = 'browse' | 'search' | 'book' | 'reserve' | 'pay' | 'check'
/** One request: when it was sent, in ms from the opening, how long it took, and its status; 0 when no answer came. */
export type Answered = { kind: Kind; atMs: number; tookMs: number; status: number }
/** What the store told a reader, as only somebody outside can know. */
export type Receipt = { id: string; token: string; isFree: boolean; isPaid: boolean }
export type Run = {
  answers: Answered[]
  receipts: Receipt[]
  /** What the store said at one time and not at another. */
  wrong: string[]
  /** Orders that were acknowledged and could not be looked up: that says nothing of them. */
  unchecked: string[]
  gone: number
}

export type ReadersOptions = {
  url: string
  isbns: readonly string[]
  /** When each arrives, in ms from the opening. */
  arrivals: readonly number[]
  /** Nobody comes any more, and who is there goes; what they were told is checked all the same. */
  stop: AbortSignal
  onProgress(run: Run): void
}

const requestLimitMs = 15_000
const triesMax = 8
const checksAtOnce = 16
/** How often in a row no order can be looked up before the others are not tried either. */
const uncheckedInRowMax = checksAtOnce
const connectionsMax = 512
const progressEveryMs = 500

/** Readers who come, look, reserve, pay or drop out, some of them clicking twice; their receipts are checked after. */
export async function sendReaders(options: ReadersOptions): Promise<Run> {
  const run: Run = { answers: [], receipts: [], wrong: [], unchecked: [], gone: 0 }
  const agent = new Agent({ connections: connectionsMax, pipelining: 1 })
  const startedMs = performance.now()
  const send = sender(options.url, agent, startedMs, run)
  const progress = setInterval(() => options.onProgress(run), progressEveryMs)
  const read = async (atMs: number) => {
    const waitMs = Math.max(0, atMs - (performance.now() - startedMs))
    // It ends early when nobody comes any more.
    await sleep(waitMs, undefined, { signal: options.stop }).catch(() => undefined)
    if (!options.stop.aborted) await reader(send, options, run)
  }
  await Promise.all(options.arrivals.map(read))
  await checkReceipts(send, run)
  clearInterval(progress)
  await agent.close()
  return run
}

type Body = Record<string, unknown>
type Send = (kind: Kind, path: string, more?: Sent) => Promise<{ status: number; body: Body }>
type Sent = { method?: 'POST'; headers?: Record<string, string>; body?: unknown }

async function reader(send: Send, { isbns, stop }: ReadersOptions, run: Run): Promise<void> {
  const isbn = isbns[Math.floor(Math.random() * isbns.length)] ?? ''
  await send('browse', '/api/books?limited=true')
  if (Math.random() < 0.3) await send('search', '/api/books?q=the')
  await send('book', `/api/books/${isbn}`)
  if (stop.aborted || Math.random() < 0.1) {
    run.gone++
    return
  }
  const receipt = await reserve(send, isbn, run, stop)
  if (receipt === undefined || receipt.isFree || Math.random() < 0.1) return
  const paid = await send('pay', `/api/orders/${receipt.id}/payment`, {
    method: 'POST',
    headers: { authorization: `Bearer ${receipt.token}` },
    body: { method: 'test', card: '4242424242424242' },
  })
  receipt.isPaid = paid.status === 202
}

/** Asks until the answer is final, always with the same key; one in twenty clicks twice. */
async function reserve(send: Send, isbn: string, run: Run, stop: AbortSignal): Promise<Receipt | undefined> {
  const key = randomUUID()
  const ask = () =>
    send('reserve', '/api/orders', {
      method: 'POST',
      headers: { 'idempotency-key': key },
      body: {
        customer: { name: 'Ada Byron', email: `${key}@example.org` },
        lines: [{ isbn, quantity: 1 }],
      },
    })
  const told = new Map<string, Receipt>()
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const answers = await Promise.all(Math.random() < 0.05 ? [ask(), ask()] : [ask()])
    for (const { status, body } of answers)
      if (status === 201 || status === 200) told.set(String(body.id), receiptOf(body))
    if (told.size > 1) run.wrong.push(`one key got ${told.size} orders: ${[...told.keys()].join(', ')}`)
    const [receipt] = told.values()
    if (receipt !== undefined) {
      run.receipts.push(receipt)
      return receipt
    }
    if (stop.aborted || answers.some(({ status, body }) => isRefusal(status, body))) return undefined
    await sleep(pauseMs(attempt))
  }
  return undefined
}

const pauseMs = (attempt: number) => Math.min(100 * 2 ** attempt, 2_000) * (0.5 + Math.random())

function receiptOf({ id, token, total }: Body): Receipt {
  const isFree = (total as { amount: number } | undefined)?.amount === 0
  return { id: String(id), token: String(token), isFree, isPaid: false }
}

/** Whether asking again would bring the same; an order that is being placed is about to be there. */
const isRefusal = (status: number, body: Body) =>
  status >= 400 && status < 500 && status !== 429 && !String(body.type).endsWith('in-flight')

/** What was acknowledged is there. */
async function checkReceipts(send: Send, run: Run): Promise<void> {
  const waiting = run.receipts.values()
  let inRow = 0
  const check = async () => {
    for (const receipt of waiting) {
      const found = inRow < uncheckedInRowMax ? await checkReceipt(send, receipt) : 'unchecked'
      inRow = found === 'unchecked' ? inRow + 1 : 0
      if (found === 'unchecked') run.unchecked.push(receipt.id)
      else if (found !== 'good') run.wrong.push(found)
    }
  }
  await Promise.all(Array.from({ length: checksAtOnce }, check))
}

/** @returns what is wrong, where something is */
async function checkReceipt(send: Send, { id, token }: Receipt): Promise<'good' | 'unchecked' | string> {
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const { status, body } = await send('check', `/api/orders/${id}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    if (status === 200 && body.id === id) return 'good'
    if (status !== 0 && status !== 429 && status < 500)
      return `order ${id} was acknowledged and answers ${status}`
    await sleep(pauseMs(attempt))
  }
  return 'unchecked'
}

function sender(url: string, agent: Agent, startedMs: number, { answers }: Run): Send {
  return async (kind, path, { method, headers, body } = {}) => {
    const sentMs = performance.now()
    const note = (status: number) =>
      answers.push({ kind, atMs: sentMs - startedMs, tookMs: performance.now() - sentMs, status })
    try {
      const response = await request(url + path, {
        dispatcher: agent,
        method: method ?? 'GET',
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(requestLimitMs),
      })
      const text = await response.body.text()
      note(response.statusCode)
      return { status: response.statusCode, body: parsed(text) }
    } catch {
      // No answer is an answer to count: the report has it.
      note(0)
      return { status: 0, body: {} }
    }
  }
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text) as Body
  } catch {
    // A page or nothing: its status says it.
    return {}
  }
}
