import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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
}

type Attribute = { key: string; value: { stringValue?: string } }
type Export = {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: Omit<ReceivedSpan, 'role'>[] }[]
  }[]
}

/** Takes spans by OTLP over HTTP in JSON, and refuses what is not well formed. */
export async function startOtlpReceiver(scope: TestScope): Promise<{ url: string; spans: ReceivedSpan[] }> {
  const spans: ReceivedSpan[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const isExport = request.method === 'POST' && request.url === '/v1/traces'
    if (!isExport || request.headers['content-type'] !== 'application/json') {
      response.writeHead(400).end()
      return
    }
    const received = JSON.parse(Buffer.concat(chunks).toString()) as Export
    for (const { resource, scopeSpans } of received.resourceSpans) {
      const name = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
      for (const span of scopeSpans.flatMap((each) => each.spans)) {
        if (!isWellFormed(span)) {
          response.writeHead(400).end()
          return
        }
        spans.push({ role: name, ...span })
      }
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.after(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans }
}

const isWellFormed = ({ traceId, spanId, startTimeUnixNano, endTimeUnixNano }: Omit<ReceivedSpan, 'role'>) =>
  /^[0-9a-f]{32}$/.test(traceId) &&
  /^[0-9a-f]{16}$/.test(spanId) &&
  /^\d{19}$/.test(startTimeUnixNano) &&
  BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)
