import type { TestContext } from 'node:test'
import { Agent, request } from 'undici'
import { checkDigit13 } from '#kernel/isbn'
import { type Clock, systemClock } from '#ports/clock'
import { startGateway, startUpstream, until } from './gateway.ts'
import { type RedisServer, startRedis } from './redis.ts'

/** What readers got in some time. */
export type Crowd = {
  /** How long each read took, in ms. */
  waits: number[]
  failed: number
  /** How many ms ago the catalogue had said what was shown, at most; and of answers that say no reason for being old. */
  oldestMs: number
  /** Reads that the catalogue was asked for. */
  asked: number
}

const books = Array.from({ length: 200 }, (_, i) => {
  const twelve = `978649${String(i).padStart(6, '0')}`
  return twelve + checkDigit13(twelve)
})
const readMaxMs = 30_000

/** Two gateways that share a level on Redis servers, before a catalogue whose every answer says when it was made. */
export async function openCacheCrowd(t: TestContext, nodes: number, clock: Clock = systemClock) {
  let asked = 0
  const upstream = await startUpstream(t, (_, response) => {
    asked++
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' })
    response.end(JSON.stringify({ madeAtMs: Date.now(), text: 'x'.repeat(1_500) }))
  })
  const redis: RedisServer[] = await Promise.all(Array.from({ length: nodes }, () => startRedis(t)))
  const cache = `redis://${redis.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  const open = () =>
    startGateway(
      t,
      `catalog=${upstream.url};coordinator=${upstream.url}`,
      { cachesReads: true, clock },
      { OCTAVO_CACHE: cache },
    )
  const gateways = [await open(), await open()]
  const nodesUp = async () => {
    const texts = await Promise.all(gateways.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()))
    return Math.min(
      ...texts.map((text) => Number(/^octavo_gateway_cache_nodes_up (\d+)/m.exec(text)?.[1] ?? 0)),
    )
  }
  await until(async () => (await nodesUp()) === nodes, 'every gateway sees every node')
  const agent = new Agent({ connections: 32 })
  t.after(() => agent.destroy())

  /** Lets some readers look at one book after another for a time. */
  const readFor = async (ms: number, readers = 16): Promise<Crowd> => {
    const crowd: Crowd = { waits: [], failed: 0, oldestMs: 0, asked: -asked }
    const end = performance.now() + ms
    const reader = async () => {
      while (performance.now() < end) {
        const { url } = gateways[Math.floor(Math.random() * gateways.length)] as { url: string }
        const path = `/api/books/${books[Math.floor(Math.random() * books.length)]}`
        await read(crowd, url + path, agent)
      }
    }
    await Promise.all(Array.from({ length: readers }, reader))
    crowd.asked += asked
    return crowd
  }
  return { redis, nodesUp, readFor, gateways, asked: () => asked }
}

async function read(crowd: Crowd, url: string, dispatcher: Agent): Promise<void> {
  const start = performance.now()
  try {
    const answer = await request(url, { dispatcher, headersTimeout: readMaxMs })
    const nowMs = Date.now()
    const { madeAtMs } = (await answer.body.json()) as { madeAtMs?: number }
    // What is old because the catalogue is slow says so.
    const saysWhy = String(answer.headers['cache-status']).includes('detail=origin')
    if (answer.statusCode !== 200 || madeAtMs === undefined) crowd.failed++
    else if (!saysWhy) crowd.oldestMs = Math.max(crowd.oldestMs, nowMs - madeAtMs)
  } catch {
    // It counts, whatever it was.
    crowd.failed++
  }
  crowd.waits.push(performance.now() - start)
}
