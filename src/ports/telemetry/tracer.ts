import { isDebugging, logger } from '#ports/log'
import type { Span, SpanExporter, TracingOptions } from './span.ts'

let exporter: SpanExporter | undefined
let keptBelow = 0
const log = logger('path')

/** Whether anybody takes spans, or a log that tells everything: ask before making one. */
export const isTracing = () => exporter !== undefined || isDebugging()

/** Whether a span of this order or transaction would be kept that tells of no error: most are not, by sampling. */
export const isTraced = (id: string) => isDebugging() || (exporter !== undefined && isKept(id))

/** Begins to send spans, until it is disposed. What sends them is loaded now and not before. */
export async function openTracing({ ratio, ...options }: TracingOptions): Promise<AsyncDisposable> {
  const { openExporter } = await import('./otlp.ts')
  const opened = openExporter(options)
  exporter = opened
  keptBelow = ratio * 2 ** 32
  return {
    async [Symbol.asyncDispose]() {
      if (exporter === opened) exporter = undefined
      await opened[Symbol.asyncDispose]()
    },
  }
}

/** Takes a span that has ended. All roles keep the same orders, because the id decides. */
export function noteSpan(span: Span): void {
  if (isDebugging()) logSpan(span)
  if (exporter === undefined) return
  if (span.error === undefined && !isKept(span.of)) return
  exporter.add(span)
}

/** With `debug` the log tells each step of each order: what was done for it, by whom, and how long that took. */
function logSpan({ of, isTransaction, name, startMs, endMs, links = [], attributes, error }: Span): void {
  const [linked] = links
  log.debug(name, {
    ...(isTransaction ? { transactionId: of, orderIds: links } : { orderId: of }),
    ...(!isTransaction && linked !== undefined && { linked }),
    ms: Math.round((endMs - startMs) * 10) / 10,
    ...attributes,
    ...(error !== undefined && { failed: error }),
  })
}

/** The last eight digits of an id are random. */
const isKept = (id: string) => Number.parseInt(id.slice(-8), 16) < keptBelow

/** Does the work, and notes a span of it when somebody takes those. */
export async function traced<T>(
  begun: Omit<Span, 'startMs' | 'endMs' | 'error'>,
  work: () => Promise<T>,
): Promise<T> {
  if (!isTracing()) return await work()
  const startMs = nowMs()
  try {
    const outcome = await work()
    noteSpan({ ...begun, startMs, endMs: nowMs() })
    return outcome
  } catch (error) {
    noteSpan({ ...begun, startMs, endMs: nowMs(), error: error instanceof Error ? error.name : 'error' })
    throw error
  }
}

/** Milliseconds since 1970, with parts of them. */
export const nowMs = () => performance.timeOrigin + performance.now()
