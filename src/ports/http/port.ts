/** Typed routes over HTTP: the server that answers a service's contract and the client that calls another's. */

export { type CallSigner, callHeader, innerMetricsToken } from '#kernel/signed-calls'
export { addressRanges, networkOf, plainAddress } from './address-ranges.ts'
export { type Answer, answer, seenHeader } from './answer.ts'
export { callSigner } from './calls.ts'
export { isConnectFailure, type ServiceClient, type ServiceClientOptions, serviceClient } from './client.ts'
export { type ConnectionLimits, connectionLimits, shareConnections } from './connections.ts'
export type { StaffMember } from './entrance.ts'
export { etagOf, isFresh } from './etag.ts'
export {
  type BundledAnswer,
  type BundledRequest,
  bundleRoute,
  decodeAnswers,
  encodeBundle,
} from './fast/bundle.ts'
export { isUsual } from './fast/direct.ts'
export { gather } from './gather.ts'
export { type Http2Door, type Http2Limits, serveHttp2 } from './http2.ts'
export { createRequestMetrics } from './metrics.ts'
export { secureSessionCookie, sessionCookie, sessionTokenOf } from './names.ts'
export { closeGracefully, openPool } from './pool.ts'
export { inPortions } from './portions.ts'
export {
  createHttpServer,
  type HttpRequest,
  type HttpServer,
  type HttpServerOptions,
} from './server.ts'
export { refuseTinyChunks } from './tiny-chunks.ts'
export { keepCertificateFresh, readCertificate, type TlsFiles } from './tls.ts'
export { requestIdOf, traceparentOf } from './trace.ts'
export { oneAtATime } from './turns-on-connection.ts'
