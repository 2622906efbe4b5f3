import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher, request } from 'undici'

export type Read = { atMs: number; tookMs: number; status: number }

export type Readers = {
  /** Reads that began at or after this moment and are over. */
  since(ms: number): Read[]
  /** The next read that begins and ends well from now on. */
  nextGood(): Promise<Read>
  stop(): void
}

/** What is asked, each time; a body makes it a POST. */
export type Asked = { url: string; headers?: Record<string, string>; body?: string }

const pauseMs = 40
const answerLimitMs = 10_000

/**
 * Asks the same again and again, as `count` readers do, and keeps what came of it.
 * @param from an address of this machine that nobody else asks from
 */
export function startReaders(asked: () => Asked, count: number, from?: string): Readers {
  const reads: Read[] = []
  const waiting = new Set<{ fromMs: number; tell: (read: Read) => void }>()
  const stop = new AbortController()
  const agent = new Agent({ connections: count, ...(from !== undefined && { localAddress: from }) })
  const read = async () => {
    const atMs = performance.now()
    const status = await statusOf(asked(), agent)
    const one = { atMs, tookMs: performance.now() - atMs, status }
    reads.push(one)
    if (isFailed(one)) return
    for (const each of waiting)
      if (atMs >= each.fromMs) {
        waiting.delete(each)
        each.tell(one)
      }
  }
  for (let i = 0; i < count; i++)
    void (async () => {
      while (!stop.signal.aborted) {
        await read()
        await sleep(pauseMs)
      }
    })()
  return {
    since: (ms) => reads.filter(({ atMs }) => atMs >= ms),
    nextGood: () => new Promise((tell) => waiting.add({ fromMs: performance.now(), tell })),
    stop: () => {
      stop.abort()
      void agent.destroy()
    },
  }
}

/** No answer, or one that says the store cannot. */
export const isFailed = ({ status }: Read): boolean => status === 0 || status >= 500

function statusOf({ url, headers, body }: Asked, dispatcher: Dispatcher): Promise<number> {
  return request(url, {
    dispatcher,
    method: body === undefined ? 'GET' : 'POST',
    headers,
    body: body ?? null,
    signal: AbortSignal.timeout(answerLimitMs),
  }).then(
    async ({ statusCode, body }) => {
      await body.dump()
      return statusCode
    },
    () => 0,
  )
}
