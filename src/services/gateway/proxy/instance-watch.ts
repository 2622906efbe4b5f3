import { type BreakerState, closedBreaker, onAlive, onLifeless, trip } from '#kernel/circuit-breaker'
import { noLatency, outliers } from '#kernel/latency-outliers'
import type { Clock } from '#ports/clock'
import { Agent, request } from '#ports/connections'
import type { Upstream } from './upstream.ts'

export type InstanceWatch = Disposable

export type InstanceWatchOptions = {
  /** The instances of each service. */
  services: () => Iterable<readonly Upstream[]>
  clock: Clock
  change: (upstream: Upstream, state: BreakerState) => void
}

const lookEveryMs = 100
/** An instance that has answered nothing for so long, with somebody waiting, is asked whether it lives. */
const doubtMs = 250
/** After so long without an answer or a sign of life it is cut off. */
const silentMs = 1_000
/**
 * Looks that pass until a sign of life is too late: a process that turns its event loop gives it at once. They are counted
 * and not timed, so that what keeps this process from looking is not held against another one.
 */
const lifeLooks = 8
const connectMs = 800
/** How often latencies are compared. */
const compareEveryMs = 1_000

/**
 * Notices what no single request tells: an instance that hangs, whose callers would otherwise wait for their deadlines; one
 * that has become far slower than its peers; and the end of a cool-down, when a sign of life is asked for before any
 * reader's request is risked.
 */
export function watchInstances({ services, clock, change }: InstanceWatchOptions): InstanceWatch {
  // Connections of its own: those of requests may all be taken by what hangs.
  const agent = new Agent({ connections: 1, connect: { timeout: connectMs }, keepAliveTimeout: 1_000 })
  const asking = new Map<Upstream, { looksLeft: number; stop: AbortController }>()
  const ask = async (upstream: Upstream, then: (lives: boolean) => void) => {
    if (asking.has(upstream)) return
    const stop = new AbortController()
    asking.set(upstream, { looksLeft: lifeLooks, stop })
    const lives = await isAlive(upstream, agent, stop.signal)
    asking.delete(upstream)
    then(lives)
  }
  const look = (upstream: Upstream) => {
    const nowMs = clock.monotonicMs()
    const { breaker } = upstream
    upstream.isInDoubt = isSilent(upstream, nowMs, doubtMs)
    // One that is slow is asked all the same where nobody else is there, and may hang by now.
    const isLeftAlone = breaker.kind === 'open' && !(breaker.reason === 'slow' && upstream.isInDoubt)
    if (isLeftAlone) {
      if (nowMs < breaker.untilMs) return
      ask(upstream, (lives) => {
        const now = clock.monotonicMs()
        change(upstream, lives ? onAlive(upstream.breaker, now) : onLifeless(upstream.breaker, now))
        if (lives) upstream.latency = noLatency
      })
    } else if (upstream.isInDoubt) {
      ask(upstream, (lives) => {
        if (lives || !isSilent(upstream, clock.monotonicMs(), silentMs)) return
        const before = upstream.breaker.kind === 'open' ? closedBreaker : upstream.breaker
        change(upstream, trip(before, clock.monotonicMs(), 'stalled'))
        for (const attempt of [...upstream.attempts]) attempt.abandon()
      })
    }
  }
  let comparedMs = clock.monotonicMs()
  const looking = setInterval(() => {
    const nowMs = clock.monotonicMs()
    const compares = nowMs - comparedMs >= compareEveryMs
    if (compares) comparedMs = nowMs
    for (const asked of asking.values()) if (asked.looksLeft-- === 0) asked.stop.abort()
    for (const instances of services()) {
      for (const upstream of instances) look(upstream)
      if (compares) eject(instances, nowMs, change)
    }
  }, lookEveryMs)
  looking.unref()
  return {
    [Symbol.dispose]() {
      clearInterval(looking)
      // Nobody asks any more; how the last connection ends is of no use.
      agent.destroy().catch(() => {})
    },
  }
}

/** Whether somebody has waited for so long, and nobody was answered meanwhile. */
function isSilent({ attempts, lastAnswerMs }: Upstream, nowMs: number, forMs: number): boolean {
  const [oldest] = attempts
  return oldest !== undefined && nowMs - oldest.sentMs > forMs && nowMs - lastAnswerMs > forMs
}

function eject(
  instances: readonly Upstream[],
  nowMs: number,
  change: (upstream: Upstream, state: BreakerState) => void,
): void {
  // One that comes back from being slow is watched at once.
  const isJudged = ({ breaker }: Upstream) =>
    breaker.kind === 'closed' || (breaker.kind === 'returning' && breaker.reason === 'slow')
  const taking = instances.filter(isJudged)
  const latencies = taking.map(({ latency }) => latency)
  for (const i of outliers(latencies, instances.length - taking.length)) {
    const upstream = taking[i]
    if (upstream !== undefined) change(upstream, trip(upstream.breaker, nowMs, 'slow'))
  }
}

/** Any answer is a sign of life, whatever it says. */
async function isAlive({ instance }: Upstream, dispatcher: Agent, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await request(`${instance.url}/livez`, { dispatcher, signal })
    await body.dump()
    return true
  } catch {
    // That it does not answer is the answer.
    return false
  }
}
