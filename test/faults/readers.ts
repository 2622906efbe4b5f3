import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'

export type Read = { atMs: number; tookMs: number; status: number }

export type Readers = {
  /** Reads that began at or after this moment and are over. */
  since(ms: number): Read[]
  /** The next read that begins and ends well from now on. */
  nextGood(): Promise<Read>
  stop(): void
}

const pauseMs = 40
const answerLimitMs = 10_000
/** Whoever shows a session is answered by the service itself and not from the gateway's memory. */
const headers = { cookie: 'octavo_session=none' }

/** Reads one address again and again, as `count` readers do, and keeps what came of it. */
export function startReaders(url: string, count: number): Readers {
  const reads: Read[] = []
  const waiting = new Set<{ fromMs: number; tell: (read: Read) => void }>()
  const stop = new AbortController()
  const agent = new Agent({ connections: count })
  const read = async () => {
    const atMs = performance.now()
    const status = await request(url, {
      dispatcher: agent,
      headers,
      signal: AbortSignal.timeout(answerLimitMs),
    }).then(
      async ({ statusCode, body }) => {
        await body.dump()
        return statusCode
      },
      () => 0,
    )
    const one = { atMs, tookMs: performance.now() - atMs, status }
    reads.push(one)
    if (status !== 200) return
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
