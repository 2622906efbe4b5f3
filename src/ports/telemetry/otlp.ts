import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { logger } from '#ports/log'
import { processMeter } from './registered.ts'
import type { Span, SpanExporter, TracingOptions } from './span.ts'

/** Spans that wait to be sent; more are dropped, because nobody waits for telemetry. */
const waitingMax = 4_096
const batchMax = 512
const sendEveryMs = 1_000
const sendLimitMs = 3_000
/** Batches on their way to who takes them slowly. */
const sendsAtOnceMax = 4
/** For what is left when the process ends, all in all. */
const farewellMs = 1_000

const log = logger('spans')
const sent = processMeter.counter('octavo_spans_total', 'Spans, by what became of them.', ['outcome'])

/** Sends spans in batches. Source: OTLP 1.x over HTTP, in its JSON form. */
export function openExporter({ url, ...of }: Omit<TracingOptions, 'ratio'>): SpanExporter {
  const address = `${url.replace(/\/+$/, '')}/v1/traces`
  const sending = new Set<Promise<void>>()
  const noteTaken = noteChanges()
  let waiting: Span[] = []
  const send = async () => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchMax)
      const outcome = await post(address, requestOf(batch, of))
      sent.add(batch.length, outcome.kind)
      noteTaken(outcome)
      // Who does not take these takes no others either.
      if (outcome.kind !== 'sent') return
    }
  }
  const begin = () => {
    if (sending.size >= sendsAtOnceMax) return
    const one = send().finally(() => sending.delete(one))
    sending.add(one)
  }
  const timer = setInterval(begin, sendEveryMs).unref()
  return {
    add(span) {
      if (waiting.length >= waitingMax) sent.add(1, 'dropped')
      else waiting.push(span)
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      begin()
      await Promise.race([Promise.all(sending), sleep(farewellMs, undefined, { ref: false })])
      waiting = []
    },
  }
}

type Outcome = { kind: 'sent' } | { kind: 'refused'; status: number } | { kind: 'lost'; error: unknown }

async function post(address: string, body: unknown): Promise<Outcome> {
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(sendLimitMs),
    })
    await response.arrayBuffer()
    return response.ok ? { kind: 'sent' } : { kind: 'refused', status: response.status }
  } catch (error) {
    // Of a call that failed the cause says why.
    return { kind: 'lost', error: (error as Error).cause ?? error }
  }
}

/** Tells once that nobody takes spans, and once that somebody does again. */
function noteChanges(): (outcome: Outcome) => void {
  let areTaken = true
  return ({ kind, ...why }) => {
    if (areTaken === (kind === 'sent')) return
    areTaken = !areTaken
    if (areTaken) log.info('spans are taken again')
    else log.warn('spans are not taken where OCTAVO_OTLP says', why)
  }
}

/** `ExportTraceServiceRequest`, one resource for each role that spoke. */
function requestOf(spans: readonly Span[], { version, instance }: { version: string; instance: string }) {
  const byRole = Map.groupBy(spans, ({ role }) => role)
  return {
    resourceSpans: [...byRole].map(([role, of]) => ({
      resource: {
        attributes: attributesOf({
          'service.namespace': 'octavo',
          'service.name': role,
          'service.version': version,
          'service.instance.id': instance,
        }),
      },
      scopeSpans: [{ scope: { name: 'octavo', version }, spans: of.map(spanOf) }],
    })),
  }
}

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
const failed = 2

function spanOf({ of, name, startMs, endMs, isFirst, kind = 'internal', links, attributes, error }: Span) {
  return {
    traceId: traceIdOf(of),
    spanId: isFirst ? firstSpanOf(of) : randomBytes(8).toString('hex'),
    ...(!isFirst && { parentSpanId: firstSpanOf(of) }),
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(endMs),
    ...(links && { links: links.map(linkOf) }),
    ...(attributes && { attributes: attributesOf(attributes) }),
    ...(error !== undefined && { status: { code: failed, message: error } }),
  }
}

const traceIdOf = (id: string) => id.replaceAll('-', '').toLowerCase()
/** The first span's id can be known without asking: the random end of the trace's. */
const firstSpanOf = (id: string) => traceIdOf(id).slice(-16)

/** An order or transaction by its id, or somebody else's span by its `traceparent`. */
function linkOf(link: string) {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(link) ?? []
  return traceId === undefined || spanId === undefined
    ? { traceId: traceIdOf(link), spanId: firstSpanOf(link) }
    : { traceId, spanId }
}

function attributesOf(attributes: Readonly<Record<string, string | number>>) {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: anyValue(value),
  }))
}

/** Whole numbers are integers, as the semantic conventions have statuses and sizes; in JSON a text says them. */
function anyValue(value: string | number) {
  if (typeof value === 'string') return { stringValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** As text, because the number is beyond what JSON's readers keep exactly. */
const nanoseconds = (ms: number) => `${Math.round(ms * 1_000)}000`
