import { processMeter, roleMeter, secondsBuckets } from '#ports/telemetry'

export type RequestMetrics = {
  /** @param route the route's pattern, never the address that was asked for */
  answered(method: string, route: string, status: number, seconds: number): void
  /** Shows at nought what an alert looks at, so that its first time is seen as an increase. */
  begin(method: string, route: string, statuses: readonly number[]): void
}

/** HTTP/2 takes any word for a method, and whatever a stranger sends is no label. Source: OpenTelemetry, as below. */
const methods: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'],
])
const otherMethod = '_OTHER'

/** Answers by route and status, and how long they took. Source: OpenTelemetry semantic conventions for HTTP. */
export function createRequestMetrics(role: string): RequestMetrics {
  const duration = roleMeter(role).histogram(
    'http_server_request_duration_seconds',
    'From a request to the end of its answer.',
    secondsBuckets,
    ['http_request_method', 'http_route', 'http_response_status_code'],
  )
  /** Texts of status codes, so that none is made for each answer. */
  const texts: string[] = []
  return {
    answered(method, route, status, seconds) {
      texts[status] ??= String(status)
      duration.observe(seconds, methods.has(method) ? method : otherMethod, route, texts[status])
    },
    begin(method, route, statuses) {
      for (const status of statuses) duration.observer(method, route, String(status))
    },
  }
}

/** Calls of other services, by what became of them. */
export const callDuration = processMeter.histogram(
  'http_client_request_duration_seconds',
  'Calls of other services, retries on other instances included.',
  secondsBuckets,
  ['server_service', 'http_route', 'http_response_status_code'],
)
