import type { BreakerState } from '#kernel/circuit-breaker'
import type { Log } from '#ports/log'
import { type Meter, observeOne, type Sample } from '#ports/telemetry'
import type { Circuits } from './circuits.ts'
import type { UpstreamTarget } from './routes.ts'
import type { Upstream } from './upstream.ts'
import type { Upstreams } from './upstreams.ts'

/** The states of a breaker as a number: 0 all is well, more is worse. */
const levels: Readonly<Record<BreakerState['kind'], number>> = {
  closed: 0,
  returning: 1,
  probing: 2,
  open: 3,
}

/** Shows how the gateway's circuits stand. */
export function observeCircuits(meter: Meter, upstreams: Upstreams, circuits: Circuits): void {
  const each = (name: string, help: string, read: (upstream: Upstream) => number) =>
    meter.observed(name, help, ['service', 'instance'], () =>
      upstreams.all().map((upstream) => [read(upstream), ...namesOf(upstream)]),
    )
  const counts = (name: string, help: string, pick: (upstream: Upstream) => ReadonlyMap<string, number>) =>
    meter.observed(name, help, ['service', 'instance', 'reason'], () =>
      upstreams
        .all()
        .flatMap((upstream) =>
          [...pick(upstream)].map(([reason, n]): Sample => [n, ...namesOf(upstream), reason]),
        ),
    )
  observeOne(meter, 'octavo_gateway_open_breakers', 'Instances whose circuit is not closed.', () => {
    return upstreams.all().filter(({ breaker }) => breaker.kind !== 'closed').length
  })
  each('octavo_gateway_breaker_state', '0 closed, 1 returning, 2 probing, 3 open.', ({ breaker }) => {
    return levels[breaker.kind]
  })
  counts(
    'octavo_gateway_breaker_trips_total',
    'Times an instance was cut off, by reason.',
    ({ trips }) => trips,
  )
  counts(
    'octavo_gateway_instance_reroutes_total',
    'Requests that went elsewhere because of it.',
    ({ reroutes }) => reroutes,
  )
  each('octavo_gateway_instance_seconds', 'Moving average until an answer begins.', ({ latency }) =>
    seconds(latency.averageMs),
  )
  meter.observed(
    'octavo_gateway_route_breaker_state',
    'As of an instance, of a route of a service.',
    ['service', 'method', 'route'],
    () =>
      circuits
        .routes()
        .map(({ service, method, label, breaker }) => [levels[breaker.kind], service, method, label]),
  )
  meter.observed('octavo_gateway_retry_budget', 'Re-routes that are allowed just now.', ['service'], () =>
    circuits.budgets().map(({ service, left }) => [left, service]),
  )
  meter.observed(
    'octavo_gateway_cut_off_total',
    'Requests refused at once by an open circuit.',
    ['service'],
    () => [...circuits.refused()].map(([service, n]) => [n, service]),
  )
}

const namesOf = ({ instance: { service, id } }: Upstream) => [service, id]
const seconds = (ms: number) => Number((ms / 1_000).toFixed(6))

/** What the log says of a circuit that has changed. */
type News = { of: Record<string, string>; before: string; now: BreakerState }

export const instanceNews = ({ instance, breaker }: Upstream, before: BreakerState): News => ({
  of: { service: instance.service, instance: instance.id, url: instance.url },
  before: before.kind,
  now: breaker,
})
export const routeNews = (target: UpstreamTarget, now: BreakerState, before: BreakerState): News => ({
  of: { service: target.service, route: `${target.method} ${target.label}` },
  before: before.kind,
  now,
})

export function noteBreaker(log: Log, { of, before, now }: News): void {
  if (now.kind === 'open')
    log.warn('a circuit is open', { ...of, before, reason: now.reason, times: now.opened })
  else log.info('a circuit changes', { ...of, before, now: now.kind })
}
