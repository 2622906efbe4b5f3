import {
  type BreakerState,
  closedBreaker,
  mayTry,
  onFailure,
  onNeither,
  onSuccess,
  onTry,
} from '#kernel/circuit-breaker'
import { freshBudget, leftOf, onRequest, type RetryBudget, spend } from '#kernel/retry-budget'
import type { Clock } from '#ports/clock'
import type { UpstreamTarget } from './routes.ts'

/**
 * What protects a route that fails behind its instances, such as orders while a database is away: each instance is well
 * and every answer is a late 503. Also how many requests of a service may be sent a second time.
 */
export type Circuits = {
  /** Takes a request in. @returns seconds after which to come back when the route's circuit is open */
  enter(target: UpstreamTarget): number | undefined
  /** Whether the route's circuit is open, or lets nothing but a few tries through. */
  isShut(target: UpstreamTarget): boolean
  /** A request that was taken in is over. `neither` when its caller went away. */
  leave(target: UpstreamTarget, outcome: 'good' | 'failed' | 'neither', enteredMs: number): void
  /** Whether one more request of a service may be sent again; if so it counts. */
  mayReroute(service: string): boolean
  routes(): readonly { service: string; label: string; method: string; breaker: BreakerState }[]
  budgets(): readonly { service: string; left: number }[]
  /** Requests refused by an open circuit of their route, by service. */
  refused(): ReadonlyMap<string, number>
}

type Circuit = { breaker: BreakerState; outstanding: number }

export function createCircuits(
  clock: Clock,
  onStateChange: (target: UpstreamTarget, now: BreakerState, before: BreakerState) => void,
): Circuits {
  const circuits = new Map<UpstreamTarget, Circuit>()
  const budgets = new Map<string, RetryBudget>()
  const refusals = new Map<string, number>()
  const change = (target: UpstreamTarget, circuit: Circuit, now: BreakerState) => {
    const before = circuit.breaker
    circuit.breaker = now
    if (before.kind !== now.kind) onStateChange(target, now, before)
  }
  const circuitOf = (target: UpstreamTarget) => {
    let circuit = circuits.get(target)
    if (circuit === undefined) {
      circuit = { breaker: closedBreaker, outstanding: 0 }
      circuits.set(target, circuit)
    }
    return circuit
  }
  const budgetOf = (service: string) => budgets.get(service) ?? freshBudget
  return {
    enter(target) {
      const nowMs = clock.monotonicMs()
      const { service } = target
      const circuit = circuitOf(target)
      budgets.set(service, onRequest(budgetOf(service), nowMs))
      if (!mayTry(circuit.breaker, nowMs, circuit.outstanding)) {
        refusals.set(service, (refusals.get(service) ?? 0) + 1)
        const waitMs = circuit.breaker.kind === 'open' ? circuit.breaker.untilMs - nowMs : 0
        return Math.max(1, Math.ceil(waitMs / 1_000))
      }
      change(target, circuit, onTry(circuit.breaker, nowMs))
      circuit.outstanding++
      return undefined
    },
    isShut: (target) => ['open', 'probing'].includes(circuitOf(target).breaker.kind),
    leave(target, outcome, enteredMs) {
      const circuit = circuitOf(target)
      const nowMs = clock.monotonicMs()
      circuit.outstanding--
      if (outcome === 'good') change(target, circuit, onSuccess(circuit.breaker, nowMs))
      else if (outcome === 'failed') change(target, circuit, onFailure(circuit.breaker, nowMs))
      else change(target, circuit, onNeither(circuit.breaker, enteredMs))
    },
    mayReroute(service) {
      const left = spend(budgetOf(service), clock.monotonicMs())
      if (left !== undefined) budgets.set(service, left)
      return left !== undefined
    },
    routes: () =>
      [...circuits].map(([{ service, label, method }, { breaker }]) => ({ service, label, method, breaker })),
    budgets: () =>
      [...budgets].map(([service, budget]) => ({
        service,
        left: Math.floor(leftOf(budget, clock.monotonicMs())),
      })),
    refused: () => refusals,
  }
}
