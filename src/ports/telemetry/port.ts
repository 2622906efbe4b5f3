/** What the store says of itself to whoever watches it: numbers at `/metrics`, and spans over OTLP. */
export {
  type Counter,
  createMeter,
  type Gauge,
  type Histogram,
  type Meter,
  type Sample,
  secondsBuckets,
  seriesMax,
} from './meter.ts'
export { metricsOf, observeOne, processMeter, roleMeter } from './registered.ts'
export type { Span, TracingOptions } from './span.ts'
export { isTraced, isTracing, noteSpan, nowMs, openTracing, traced } from './tracer.ts'
