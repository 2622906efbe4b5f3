import { isConnectFailure } from '#ports/http'
import type { RerouteReason, Upstream } from './upstream.ts'

/** An attempt that has failed. */
export type Before = { upstream: Upstream; reason: RerouteReason }

/** How an attempt failed that was asked of undici. */
export function reasonOf(error: unknown): RerouteReason {
  if (isConnectFailure(error)) return 'connect'
  return isTimeout((error as NodeJS.ErrnoException).code) ? 'timeout' : 'reset'
}

/** What ends a request whose instance hangs: to whoever sent it, it was not answered in time. */
export const hanging = () =>
  Object.assign(new Error('the instance hangs'), { code: 'UND_ERR_HEADERS_TIMEOUT' })

/** By the code of undici's error: sent, and not answered in time. */
export const isTimeout = (code: string | undefined) =>
  code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
