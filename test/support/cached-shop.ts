import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { openBroker } from '#ports/broker'
import { systemClock } from '#ports/clock'
import { request } from '#ports/connections'
import { startGateway, startUpstream } from './gateway.ts'

export const isbn = '9780141439518'
export const book = `/api/books/${isbn}`

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void

/** A gateway before a catalogue whose every answer is `handler`'s, on a clock that can be set ahead. */
export async function openShop(
  t: TestContext,
  handler: Handler = answerPath,
  cacheUrl = 'memory:',
  clock = movable(),
) {
  const upstream = await startUpstream(t, handler)
  const brokerUrl = `memory:cache-${crypto.randomUUID()}`
  const env = { OCTAVO_BROKER: brokerUrl, OCTAVO_CACHE: cacheUrl }
  const gateway = await startGateway(
    t,
    `catalog=${upstream.url};coordinator=${upstream.url}`,
    { cachesReads: true, clock },
    env,
  )
  const broker = await openBroker(brokerUrl, { applicationName: 'test' })
  t.after(() => broker[Symbol.asyncDispose]())
  return {
    ...{ gateway, upstream, clock },
    publish: (topic: string, payload: unknown) => broker.publish([{ topic, payload }]),
    async get(path: string, headers: Record<string, string> = {}) {
      const answer = await request(gateway.url + path, { headers })
      const bytes = Buffer.from(await answer.body.arrayBuffer())
      const status = { cache: String(answer.headers['cache-status'] ?? '') }
      return { code: answer.statusCode, headers: answer.headers, bytes, text: bytes.toString(), status }
    },
  }
}

export const answerPath: Handler = (incoming, response) => {
  response.writeHead(200, { 'content-type': 'application/json', etag: '"1"', 'cache-control': 'no-cache' })
  response.end(JSON.stringify({ isbn, path: incoming.url }))
}

/** @param standsAtMs the time that it shows until it is put ahead; without one it goes on by itself */
export function movable(standsAtMs?: number) {
  let aheadMs = 0
  return {
    ...systemClock,
    now: () => (standsAtMs ?? systemClock.now()) + aheadMs,
    ahead(ms: number) {
      aheadMs += ms
    },
  }
}

/** Edits the book through a gateway. */
export async function edit(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await request(url + book, { method: 'PATCH', headers, body: '{}' })
  await answer.body.dump()
}
