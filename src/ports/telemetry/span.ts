/**
 * One piece of work, as part of what it was done for. An order and a transaction each are a trace of their own, whose id
 * is theirs without the hyphens: so nothing has to be handed on or kept to know where a span belongs, after a crash
 * neither. Where one touches the other, spans are linked. Source: OpenTelemetry, W3C Trace Context.
 */
export type Span = {
  /** Id of the order or transaction, a UUID. */
  of: string
  /** Whether that is a transaction's; otherwise it is an order's. */
  isTransaction?: boolean
  name: string
  role: string
  startMs: number
  endMs: number
  /** The first span of the trace, which the others hang on. */
  isFirst?: boolean
  kind?: 'server' | 'client' | 'producer' | 'consumer' | 'internal'
  /** Orders or transactions that it has to do with, or a `traceparent` of somebody else's. */
  links?: readonly string[]
  attributes?: Readonly<Record<string, string | number>>
  error?: string
}

export type TracingOptions = {
  /** Where OTLP over HTTP is taken, such as `http://127.0.0.1:4318`. */
  url: string
  /** Share of orders whose spans are kept; those with an error always are. */
  ratio: number
  version: string
  instance: string
}

export type SpanExporter = AsyncDisposable & { add(span: Span): void }
