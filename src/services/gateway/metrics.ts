import { createRequestMetrics } from '#ports/http'
import { createMeter, type Meter, observeOne } from '#ports/telemetry'
import { getBook, listBooks } from '#services/catalog'
import { placeOrder } from '#services/coordinator'
import type { ReadCache } from './cache/read-cache.ts'
import type { EventStreams } from './live/event-streams.ts'
import type { Admission } from './proxy/admission.ts'
import { observeCircuits } from './proxy/breaker-report.ts'
import type { Circuits } from './proxy/circuits.ts'
import type { RerouteReason } from './proxy/upstream.ts'
import type { Upstreams } from './proxy/upstreams.ts'
import type { Totals } from './system/history.ts'

/** What objectives are set for, and the answers that miss them. */
const promised = [placeOrder, listBooks, getBook]
const faults = [500, 502, 503, 504]

/** The gateway's own numbers; those of its requests are the role's. */
export type Metrics = {
  meter: Meter
  answered(method: string, label: string, status: number, seconds: number): void
  rerouted(service: string, reason: RerouteReason): void
  /** Sums since the start. */
  totals(): Totals
}

export function createMetrics(): Metrics {
  const requests = createRequestMetrics('gateway')
  for (const { method, path } of promised) requests.begin(method, path, faults)
  const meter = createMeter()
  const reroutes = meter.counter(
    'octavo_gateway_reroutes_total',
    'Requests sent to another instance than the first choice.',
    ['service', 'reason'],
  )
  const sums = { requests: 0, faults: 0, seconds: 0, reroutes: 0 }
  return {
    meter,
    answered(method, label, status, seconds) {
      requests.answered(method, label, status, seconds)
      sums.requests++
      sums.seconds += seconds
      if (status >= 500) sums.faults++
    },
    rerouted(service, reason) {
      sums.reroutes++
      reroutes.add(1, service, reason)
    },
    totals: () => ({ ...sums }),
  }
}

type Counted = {
  server: { readonly open: number }
  streams: EventStreams
  upstreams: Upstreams
  circuits: Circuits
  admission: Admission
  readCache: ReadCache | undefined
}

/** Shows what is looked up when somebody asks. */
export function showNumbers(
  meter: Meter,
  { server, streams, upstreams, circuits, admission, readCache }: Counted,
) {
  observeOne(meter, 'octavo_gateway_open_streams', 'Pages that are told live.', () => streams.count)
  observeOne(meter, 'octavo_gateway_open_requests', 'Requests that are being answered.', () => server.open)
  observeCircuits(meter, upstreams, circuits)
  admission.observe(meter)
  readCache?.observe(meter)
}
