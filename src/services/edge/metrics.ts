import { roleMeter, type Sample } from '#ports/telemetry'
import type { Cluster } from './cluster.ts'
import type { Clusters } from './clusters.ts'

type Shown = readonly [name: string, help: string, read: (cluster: Cluster) => number]

const shown: readonly Shown[] = [
  [
    'octavo_edge_cluster_up',
    '1 when the edge’s own probes are answered.',
    ({ health }) => Number(health.kind === 'up'),
  ],
  ['octavo_edge_cluster_weight', 'The weight that the fleet gives it.', ({ pictured }) => pictured.weight],
  [
    'octavo_edge_cluster_cut_off',
    '1 when its circuit is open.',
    ({ breaker }) => Number(breaker.kind === 'open'),
  ],
  [
    'octavo_edge_cluster_in_flight',
    'Requests that are not answered in full.',
    ({ attempts }) => attempts.size,
  ],
  ['octavo_edge_requests_total', 'Requests sent to it.', ({ counts }) => counts.requests],
  ['octavo_edge_failed_total', 'No answer, or one of 500 and more.', ({ counts }) => counts.failed],
  [
    'octavo_edge_reroutes_total',
    'Requests that went elsewhere because of it.',
    ({ counts }) => counts.rerouted,
  ],
  [
    'octavo_edge_behind_total',
    'Changes that it refused because it had not heard of the latest turn.',
    ({ counts }) => counts.behind,
  ],
  ['octavo_edge_trips_total', 'Times it was cut off by its answers.', ({ counts }) => counts.trips],
  ['octavo_edge_downs_total', 'Times probes found it down.', ({ counts }) => counts.downs],
  ['octavo_edge_orders_taken_total', 'Orders that it accepted.', ({ counts }) => counts.ordersTaken],
  ['octavo_edge_orders_failed_total', 'Orders that it failed.', ({ counts }) => counts.ordersFailed],
]

/** Shows every cluster's numbers at `/metrics` for as long as it is not disposed. */
export function observeClusters(clusters: Clusters): Disposable {
  const meter = roleMeter('edge')
  const all = new DisposableStack()
  for (const [name, help, read] of shown)
    all.use(
      meter.observed(name, help, ['cluster'], () =>
        clusters.all().map((each): Sample => [read(each), each.pictured.name]),
      ),
    )
  const one = (name: string, help: string, read: () => number) =>
    all.use(meter.observed(name, help, [], () => [[read()] as Sample]))
  one('octavo_edge_retry_budget', 'Re-routes that are allowed just now.', clusters.budgetLeft)
  one('octavo_edge_picture_revision', 'Of the picture it follows.', () => clusters.picture.revision)
  one('octavo_edge_picture_epoch', 'Of the picture it follows.', () => clusters.picture.epoch)
  return all
}
