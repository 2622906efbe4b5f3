import type { CallSigner } from '#ports/http'
import type { Metrics } from '../metrics.ts'
import type { Circuits } from './circuits.ts'
import type { Before } from './reroute.ts'
import type { Upstreams } from './upstreams.ts'

/** What passing requests on takes. */
export type ProxyParts = {
  upstreams: Upstreams
  circuits: Circuits
  metrics: Metrics
  signer: CallSigner
  newSpanId: () => string
  protocol: 'http' | 'https'
  nowMs: () => number
  /** An order was answered, after so long at the services. */
  orderTook: (ms: number) => void
}

/** Once, within the budget of the service; it is held against the instance that made it necessary. */
export function mayReroute({ circuits, metrics }: ProxyParts, { upstream, reason }: Before): boolean {
  const { service } = upstream.instance
  if (!circuits.mayReroute(service)) return false
  upstream.reroutes.set(reason, (upstream.reroutes.get(reason) ?? 0) + 1)
  metrics.rerouted(service, reason)
  return true
}
