import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'

/** One request of a client and what came back; status 0 when nothing did. */
export type Attempt = { atMs: number; tookMs: number; status: number; kind: string }

/** One order a client wanted: everything it sent and was told, as only somebody outside the store can know. */
export type Wanted = {
  key: string
  lines: { isbn: string; quantity: number }[]
  attempts: Attempt[]
  /** Ids in answers 201 and 200. */
  told: string[]
  token: string | undefined
  /** What the client did with it later. */
  afterwards: 'nothing' | 'paid' | 'cancelled'
}

export type Clients = {
  readonly history: readonly Wanted[]
  acknowledged(): number
  /** Takes no new orders; resolves when every order has its final answer, or its client has given up. */
  finish(): Promise<void>
  /** Takes no new orders and leaves those under way as they are, for when nobody may answer any more. */
  giveUp(): Promise<void>
}

export type ClientOptions = {
  url: string
  count: number
  /** Titles to choose from, the first ones more often. */
  isbns: readonly string[]
  pauseMs: number
  /** They look at the order that they were just told of. */
  readsBack?: boolean
  random?: () => number
}

/** What an order is that was told of and is not there. */
export const notFound = 'told of, and not found'

const attemptsMax = 60
const requestLimitMs = 12_000

/** Readers who order, pay, cancel or walk away, and who ask again with the same key until they have an answer. */
export function startClients(options: ClientOptions): Clients {
  const history: Wanted[] = []
  const agent = new Agent({ connections: options.count, pipelining: 1 })
  const stop = new AbortController()
  const running = Promise.all(
    Array.from({ length: options.count }, () => runClient(options, agent, history, stop.signal)),
  )
  return {
    history,
    acknowledged: () => history.filter((each) => each.told.length > 0).length,
    async finish() {
      stop.abort()
      await running
      await agent.close()
    },
    async giveUp() {
      stop.abort()
      await agent.destroy()
      await running
    },
  }
}

async function runClient(options: ClientOptions, agent: Agent, history: Wanted[], stop: AbortSignal) {
  const { random = Math.random } = options
  while (!stop.aborted) {
    const wanted = newWanted(options.isbns, random)
    history.push(wanted)
    await placeOrder(options.url, agent, wanted, random)
    if (wanted.told.length > 0 && wanted.token !== undefined) {
      if (options.readsBack) await readBack(options.url, agent, wanted)
      const chance = random()
      if (chance < 0.08) await settle(options.url, agent, wanted, 'payment')
      else if (chance < 0.2) await settle(options.url, agent, wanted, 'cancel')
    }
    await sleep(options.pauseMs * (0.5 + random()))
  }
}

function newWanted(isbns: readonly string[], random: () => number): Wanted {
  const first = isbns[Math.floor(random() * random() * isbns.length)] as string
  const second = isbns[Math.floor(random() * isbns.length)] as string
  const chosen = random() < 0.3 && second !== first ? [first, second] : [first]
  return {
    key: `fault-run-${randomUUID()}`,
    lines: chosen.map((isbn) => ({ isbn, quantity: 1 + Math.floor(random() * 2) })),
    ...{ attempts: [], told: [], token: undefined, afterwards: 'nothing' },
  }
}

/** Sends the order until the answer is final: 201, 200, or a refusal. */
export async function placeOrder(
  url: string,
  agent: Agent,
  wanted: Wanted,
  random: () => number,
  triesMax = attemptsMax,
): Promise<void> {
  for (let attempt = 0; attempt < triesMax && !agent.destroyed; attempt++) {
    const answer = await send(url, agent, '/api/orders', wanted, {
      customer: { name: 'Ada Byron', email: `${wanted.key.slice(-12)}@example.org` },
      lines: wanted.lines,
    })
    if (answer.status === 201 || answer.status === 200) {
      wanted.told.push(String(answer.body.id))
      wanted.token = String(answer.body.token)
      // Some never see the answer and ask again.
      if (random() >= 0.03) return
    } else if (answer.status === 409 && answer.kind === 'out-of-stock') return
    await sleep(Math.min(50 * 2 ** attempt, 1_000) * (0.5 + random()))
  }
}

async function settle(url: string, agent: Agent, wanted: Wanted, what: 'payment' | 'cancel'): Promise<void> {
  const path = `/api/orders/${wanted.told[0]}/${what}`
  const body = what === 'payment' ? { method: 'test', card: '4242424242424242' } : undefined
  for (let attempt = 0; attempt < 10 && !agent.destroyed; attempt++) {
    const { status } = await send(url, agent, path, wanted, body)
    if (status === 200 || status === 202) {
      wanted.afterwards = what === 'payment' ? 'paid' : 'cancelled'
      return
    }
    if (status === 409 || status === 404) return
    await sleep(300)
  }
}

/** Who has been told of an order finds it, or hears that the store is away. */
async function readBack(url: string, agent: Agent, wanted: Wanted): Promise<void> {
  for (let attempt = 0; attempt < 10 && !agent.destroyed; attempt++) {
    const { status } = await send(url, agent, `/api/orders/${wanted.told.at(-1)}`, wanted, undefined, 'GET')
    const attempt = wanted.attempts.at(-1)
    if (status === 404 && attempt) attempt.kind = notFound
    if (status === 200 || status === 404) return
    await sleep(200)
  }
}

async function send(
  url: string,
  agent: Agent,
  path: string,
  wanted: Wanted,
  body: unknown,
  method: 'GET' | 'POST' = 'POST',
) {
  const startedMs = performance.now()
  const attempt: Attempt = { atMs: startedMs, tookMs: 0, status: 0, kind: 'no answer' }
  wanted.attempts.push(attempt)
  let parsed: Record<string, unknown> = {}
  try {
    const response = await request(url + path, {
      dispatcher: agent,
      method,
      headers: {
        'idempotency-key': wanted.key,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(wanted.token !== undefined &&
          path !== '/api/orders' && { authorization: `Bearer ${wanted.token}` }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(requestLimitMs),
    })
    parsed = (await response.body.json()) as Record<string, unknown>
    attempt.status = response.statusCode
    attempt.kind =
      String(parsed.type ?? 'ok')
        .split('/')
        .at(-1) ?? ''
  } catch (error) {
    attempt.kind = (error as Error).message
  }
  attempt.tookMs = performance.now() - startedMs
  return { ...attempt, body: parsed }
}
