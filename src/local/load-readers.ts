import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from '#ports/connections'

export type Kind = 'browse' | 'search' | 'book' | 'reserve' | 'pay' | 'check'
/** One request: when it was sent, in ms from the opening, how long it took, and its status; 0 when no answer came. */
export type Answered = { kind: Kind; atMs: number; tookMs: number; status: number }
/** What the store told a reader, as only somebody outside can know. */
export type Receipt = { id: string; token: string; isFree: boolean; isPaid: boolean }
export type Run = { answers: Answered[]; receipts: Receipt[]; wrong: string[]; gone: number }

export type ReadersOptions = {
  url: string
  isbns: readonly string[]
  /** When each arrives, in ms from the opening. */
  arrivals: readonly number[]
  onProgress(run: Run): void
}

const requestLimitMs = 15_000
const triesMax = 8
const connectionsMax = 512
const progressEveryMs = 500

/** Readers who come, look, reserve, pay or drop out, some of them clicking twice; their receipts are checked after. */
export async function sendReaders(options: ReadersOptions): Promise<Run> {
  const run: Run = { answers: [], receipts: [], wrong: [], gone: 0 }
  const agent = new Agent({ connections: connectionsMax, pipelining: 1 })
  const startedMs = performance.now()
  const send = sender(options.url, agent, startedMs, run)
  const progress = setInterval(() => options.onProgress(run), progressEveryMs)
  const read = async (atMs: number) => {
    await sleep(Math.max(0, atMs - (performance.now() - startedMs)))
    await reader(send, options.isbns, run)
  }
  await Promise.all(options.arrivals.map(read))
  for (const receipt of run.receipts) await checkReceipt(send, receipt, run)
  clearInterval(progress)
  await agent.close()
  return run
}

type Body = Record<string, unknown>
type Send = (kind: Kind, path: string, more?: Sent) => Promise<{ status: number; body: Body }>
type Sent = { method?: 'POST'; headers?: Record<string, string>; body?: unknown }

async function reader(send: Send, isbns: readonly string[], run: Run): Promise<void> {
  const isbn = isbns[Math.floor(Math.random() * isbns.length)] ?? ''
  await send('browse', '/api/books?limited=true')
  if (Math.random() < 0.3) await send('search', '/api/books?q=the')
  await send('book', `/api/books/${isbn}`)
  if (Math.random() < 0.1) {
    run.gone++
    return
  }
  const receipt = await reserve(send, isbn, run)
  if (receipt === undefined || receipt.isFree || Math.random() < 0.1) return
  const paid = await send('pay', `/api/orders/${receipt.id}/payment`, {
    method: 'POST',
    headers: { authorization: `Bearer ${receipt.token}` },
    body: { method: 'test', card: '4242424242424242' },
  })
  receipt.isPaid = paid.status === 202
}

/** Asks until the answer is final, always with the same key; one in twenty clicks twice. */
async function reserve(send: Send, isbn: string, run: Run): Promise<Receipt | undefined> {
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
    if (answers.some(({ status, body }) => status === 400 || isRefusal(status, body))) return undefined
    await sleep(Math.min(100 * 2 ** attempt, 2_000) * (0.5 + Math.random()))
  }
  return undefined
}

function receiptOf({ id, token, total }: Body): Receipt {
  const isFree = (total as { amount: number } | undefined)?.amount === 0
  return { id: String(id), token: String(token), isFree, isPaid: false }
}

const isRefusal = (status: number, body: Body) => status === 409 && !String(body.type).endsWith('in-flight')

/** What was acknowledged is there. */
async function checkReceipt(send: Send, { id, token }: Receipt, run: Run): Promise<void> {
  const { status, body } = await send('check', `/api/orders/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  if (status !== 200 || body.id !== id) run.wrong.push(`order ${id} was acknowledged and answers ${status}`)
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
