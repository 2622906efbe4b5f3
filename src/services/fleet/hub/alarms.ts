import { Agent, request } from '#ports/connections'
import type { ClusterSpec } from '../decisions/model.ts'

const limitMs = 2_000
const answerBytesMax = 16 * 1024 * 1024
const askEveryMs = 5_000

/** Numbers of a store, and what it means when one is higher than it should ever be. */
const wrongs: readonly { metric: string; max: number; means: (n: number) => string }[] = [
  { metric: 'octavo_oversold_titles', max: 0, means: (n) => `${n} titles are oversold` },
  { metric: 'octavo_unmatched_captures', max: 0, means: (n) => `${n} payments belong to no order` },
  // Always the same words: one that waited already when a version came is none of that version's.
  { metric: 'octavo_voucher_oldest_wait_seconds', max: 60, means: () => 'a voucher waits for over a minute' },
]

export type AlarmsSeen = ReadonlyMap<string, readonly string[] | undefined>

export type Alarms = AsyncDisposable & {
  /** By cluster, what is wrong with its business; undefined where its numbers should be to be had and are not. */
  ask(clusters: readonly ClusterSpec[]): Promise<AlarmsSeen>
}

/** Reads what each cluster's own checks find, where the fleet says that it shows them. */
export function openAlarms(token: string | undefined, nowMs: () => number): Alarms {
  const agent = new Agent({ connections: 1, connect: { timeout: limitMs }, maxResponseSize: answerBytesMax })
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  let last: AlarmsSeen = new Map()
  let askedMs = Number.NEGATIVE_INFINITY
  return {
    async ask(clusters) {
      if (nowMs() - askedMs < askEveryMs) return last
      askedMs = nowMs()
      const found = await Promise.all(
        clusters.map(
          async ({ name, numbersUrl }) =>
            [name, numbersUrl === '' ? [] : await wrongAt(numbersUrl, agent, headers)] as const,
        ),
      )
      last = new Map(found)
      return last
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

async function wrongAt(
  url: string,
  dispatcher: Agent,
  headers: Record<string, string>,
): Promise<string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(limitMs)
    const { statusCode, body } = await request(url, { dispatcher, headers, signal })
    const text = await body.text()
    return statusCode === 200 ? wrongIn(text) : undefined
  } catch {
    // It is asked again soon.
    return undefined
  }
}

/**
 * @param text in the Prometheus text format
 * @returns undefined where one of the numbers is not there: that nobody says how many is not that there are none
 */
export function wrongIn(text: string): string[] | undefined {
  const found: string[] = []
  for (const { metric, max, means } of wrongs) {
    const values = [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))]
    const n = Math.max(...values.map(([, value]) => Number(value)))
    if (!Number.isFinite(n)) return undefined
    if (n > max) found.push(means(n))
  }
  return found
}
