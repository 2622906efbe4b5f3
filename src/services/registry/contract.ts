import { defineRoute, monitoring } from '#kernel/contract'
import { Type } from '#kernel/type'

/** Who is there. Its clients are a port's adapter, so the kernel has what is said between them. */
export { endLease, InstanceSchema, leaseMs, listInstances, renewEveryMs, renewLease } from '#kernel/registry'

/**
 * Where the metrics of every instance are, as Prometheus asks for it. It is as open as the metrics.
 * Source: Prometheus HTTP service discovery.
 */
export const prometheusTargets = defineRoute({
  method: 'GET',
  path: '/prometheus/targets',
  tag: 'Internal',
  access: monitoring,
  reply: Type.Array(
    Type.Object({
      targets: Type.Array(Type.String()),
      labels: Type.Record(Type.String(), Type.String()),
    }),
  ),
  summary: 'Whom Prometheus reads',
})
