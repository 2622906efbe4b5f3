import type { BreakerState } from '#kernel/circuit-breaker'
import type { Log } from '#ports/log'
import type { Circuits } from './circuits.ts'
import type { UpstreamTarget } from './routes.ts'
import type { Upstream, Upstreams } from './upstreams.ts'

/** The states of a breaker as a number: 0 all is well, more is worse. */
const levels: Readonly<Record<BreakerState['kind'], number>> = {
  closed: 0,
  returning: 1,
  probing: 2,
  open: 3,
}

/** How the gateway's circuits stand, in the Prometheus text format 0.0.4. */
export function breakerMetrics(upstreams: Upstreams, circuits: Circuits): string[] {
  const all = upstreams.all()
  const of = ({ instance: { service, id } }: Upstream) => `service="${service}",instance="${id}"`
  const counts = (name: string, pick: (upstream: Upstream) => ReadonlyMap<string, number>) =>
    all.flatMap((upstream) =>
      [...pick(upstream)].map(([reason, n]) => `${name}{${of(upstream)},reason="${reason}"} ${n}`),
    )
  return [
    ...help('octavo_gateway_breaker_state', 'gauge', '0 closed, 1 returning, 2 probing, 3 open.'),
    ...all.map((each) => `octavo_gateway_breaker_state{${of(each)}} ${levels[each.breaker.kind]}`),
    ...help('octavo_gateway_breaker_trips_total', 'counter', 'Times an instance was cut off, by reason.'),
    ...counts('octavo_gateway_breaker_trips_total', ({ trips }) => trips),
    ...help(
      'octavo_gateway_instance_reroutes_total',
      'counter',
      'Requests that went elsewhere because of it.',
    ),
    ...counts('octavo_gateway_instance_reroutes_total', ({ reroutes }) => reroutes),
    ...help('octavo_gateway_instance_seconds', 'gauge', 'Moving average until an answer begins.'),
    ...all.map((each) => `octavo_gateway_instance_seconds{${of(each)}} ${seconds(each.latency.averageMs)}`),
    ...help('octavo_gateway_route_breaker_state', 'gauge', 'As of an instance, of a route of a service.'),
    ...circuits
      .routes()
      .map(
        ({ service, method, label, breaker }) =>
          `octavo_gateway_route_breaker_state{service="${service}",method="${method}",route="${label}"} ${levels[breaker.kind]}`,
      ),
    ...help('octavo_gateway_retry_budget', 'gauge', 'Re-routes that are allowed just now.'),
    ...circuits
      .budgets()
      .map(({ service, left }) => `octavo_gateway_retry_budget{service="${service}"} ${left}`),
    ...help('octavo_gateway_cut_off_total', 'counter', 'Requests refused at once by an open circuit.'),
    ...[...circuits.refused()].map(
      ([service, n]) => `octavo_gateway_cut_off_total{service="${service}"} ${n}`,
    ),
  ]
}

const help = (name: string, type: string, text: string) => [
  `# HELP ${name} ${text}`,
  `# TYPE ${name} ${type}`,
]
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
