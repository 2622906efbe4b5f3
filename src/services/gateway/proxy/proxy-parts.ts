import type { CallSigner } from '#ports/http'
import type { Metrics } from '../metrics.ts'
import type { Circuits } from './circuits.ts'
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
}
