import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { TestScope } from './database.ts'

/** A span as OTLP's JSON form has it, with the role that sent it. */
export type ReceivedSpan = {
  role: string
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  links?: { traceId: string; spanId: string }[]
  status?: { code: number }
  attributes?: { key: string; value: Record<string, unknown> }[]
}

/** A line of a log as OTLP has it. */
export type ReceivedLine = { role: string; text: string; traceId: string; severity: string }

type LogExport = {
  resourceLogs: {
    resource: { attributes?: Attribute[] }
    scopeLogs: {
      logRecords: { body?: { stringValue?: string }; traceId?: string; severityText?: string }[]
    }[]
  }[]
}

type Attribute = { key: string; value: { stringValue?: string } }
type Export = {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: Omit<ReceivedSpan, 'role'>[] }[]
  }[]
}

/** Takes spans and log lines by OTLP over HTTP in JSON, and refuses what is not well formed. */
export async function startOtlpReceiver(
  scope: TestScope,
): Promise<{ url: string; spans: ReceivedSpan[]; lines: ReceivedLine[] }> {
  const spans: ReceivedSpan[] = []
  const lines: ReceivedLine[] = []
  const take = (path: string | undefined, text: string): boolean => {
    if (path === '/v1/logs') lines.push(...linesIn(JSON.parse(text) as LogExport))
    if (path !== '/v1/traces') return path === '/v1/logs'
    const all = spansIn(JSON.parse(text) as Export)
    if (!all.every(isWellFormed)) return false
    spans.push(...all)
    return true
  }
  const server = createServer(async (request, response) => {
    const isExport = request.method === 'POST' && request.headers['content-type'] === 'application/json'
    const taken = isExport && take(request.url, await textOf(request))
    if (taken) response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
    else response.writeHead(400).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.after(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, lines }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}

const roleOf = (attributes: readonly Attribute[] = []) =>
  attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''

const spansIn = ({ resourceSpans }: Export): ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((each) => each.spans.map((span) => ({ role: roleOf(resource.attributes), ...span }))),
  )

const linesIn = ({ resourceLogs }: LogExport): ReceivedLine[] =>
  resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ body, traceId = '', severityText = '' }) => {
        return {
          role: roleOf(resource.attributes),
          text: body?.stringValue ?? '',
          traceId,
          severity: severityText,
        }
      }),
    ),
  )

const isWellFormed = ({ traceId, spanId, startTimeUnixNano, endTimeUnixNano }: Omit<ReceivedSpan, 'role'>) =>
  /^[0-9a-f]{32}$/.test(traceId) &&
  /^[0-9a-f]{16}$/.test(spanId) &&
  /^\d{19}$/.test(startTimeUnixNano) &&
  BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)
