import { type BreakerState, onAlive, onLifeless, trip } from '#kernel/circuit-breaker'
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

const lookEveryMs = 250
/** An instance that has answered nothing for so long, with somebody waiting, is asked whether it lives. */
const silentMs = 1_000
/** A process that turns its event loop answers that at once. */
const lifeMs = 800
/** How often latencies are compared. */
const compareEveryMs = 1_000

/**
 * Notices what no single request tells: an instance that hangs, whose callers would otherwise wait for their deadlines; one
 * that has become far slower than its peers; and the end of a cool-down, when a sign of life is asked for before any
 * reader's request is risked.
 */
export function watchInstances({ services, clock, change }: InstanceWatchOptions): InstanceWatch {
  // Connections of its own: those of requests may all be taken by what hangs.
  const agent = new Agent({ connections: 1, connect: { timeout: lifeMs }, keepAliveTimeout: 1_000 })
  const asking = new Set<Upstream>()
  const ask = async (upstream: Upstream, then: (lives: boolean) => void) => {
    if (asking.has(upstream)) return
    asking.add(upstream)
    const lives = await isAlive(upstream, agent)
    asking.delete(upstream)
    then(lives)
  }
  const look = (upstream: Upstream) => {
    const nowMs = clock.monotonicMs()
    const { breaker } = upstream
    if (breaker.kind === 'open') {
      if (nowMs < breaker.untilMs) return
      ask(upstream, (lives) => {
        const now = clock.monotonicMs()
        change(upstream, lives ? onAlive(upstream.breaker, now) : onLifeless(upstream.breaker, now))
        if (lives) upstream.latency = noLatency
      })
    } else if (isSilent(upstream, nowMs)) {
      ask(upstream, (lives) => {
        if (lives || !isSilent(upstream, clock.monotonicMs())) return
        change(upstream, trip(upstream.breaker, clock.monotonicMs(), 'stalled'))
        for (const attempt of [...upstream.attempts]) attempt.abandon()
      })
    }
  }
  let comparedMs = clock.monotonicMs()
  const looking = setInterval(() => {
    const nowMs = clock.monotonicMs()
    const compares = nowMs - comparedMs >= compareEveryMs
    if (compares) comparedMs = nowMs
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

function isSilent({ attempts, lastAnswerMs }: Upstream, nowMs: number): boolean {
  const [oldest] = attempts
  return oldest !== undefined && nowMs - oldest.sentMs > silentMs && nowMs - lastAnswerMs > silentMs
}

function eject(
  instances: readonly Upstream[],
  nowMs: number,
  change: (upstream: Upstream, state: BreakerState) => void,
): void {
  const taking = instances.filter(({ breaker }) => breaker.kind === 'closed')
  const latencies = taking.map(({ latency }) => latency)
  for (const i of outliers(latencies, instances.length - taking.length)) {
    const upstream = taking[i]
    if (upstream !== undefined) change(upstream, trip(upstream.breaker, nowMs, 'slow'))
  }
}

/** Any answer is a sign of life, whatever it says. */
async function isAlive({ instance }: Upstream, dispatcher: Agent): Promise<boolean> {
  try {
    const { body } = await request(`${instance.url}/livez`, {
      dispatcher,
      signal: AbortSignal.timeout(lifeMs),
    })
    await body.dump()
    return true
  } catch {
    // That it does not answer is the answer.
    return false
  }
}
