import type { IncomingMessage } from 'node:http'
import type { Cluster } from './cluster.ts'

const slowMs = 1_000

/** Counts what became of a checkout: by that a version is judged while few readers have it. */
export function noteOrder(
  { counts }: Cluster,
  request: IncomingMessage,
  status: number,
  tookMs: number,
): void {
  if (request.method !== 'POST' || (request.url ?? '').split('?', 1)[0] !== '/api/orders') return
  if (status >= 500) counts.ordersFailed++
  else if (status === 200 || status === 201) counts.ordersTaken++
  if (tookMs > slowMs) counts.ordersSlow++
}
