import { createClient, RESP_TYPES } from '@redis/client'
import { type Cache, type CacheOptions, deadlineMsDefault, entryBytesMax } from './cache.ts'
import { type Guarded, guard } from './guarded.ts'
import { createPlacement } from './placement.ts'
import { parseRedisUrl, type RedisUrl } from './redis-url.ts'
import { tellOf } from './told.ts'

const prefix = 'octavo:'
const decayEveryMs = 1_000
/** Commands that one connection may have under way; what is more is not sent at all. */
const commandsMax = 2_000
const reconnectMs = { first: 100, max: 2_000 }

type Client = ReturnType<typeof clientFor>
type Node = {
  name: string
  client: Client
  guarded: Guarded
  reads: number
  isConnected: () => boolean
  close: () => void
}

/**
 * Several plain Redis servers that know nothing of each other (Valkey and others that speak Redis's protocol as well).
 * Each entry lies on two of them, so that the death of one loses nothing.
 */
export async function openRedisCache(url: string, options: CacheOptions): Promise<Cache> {
  const { deadlineMs = deadlineMsDefault } = options
  const parsed = parseRedisUrl(url)
  const nodes = new Map(parsed.nodes.map((at) => [nameOf(at), openNode(parsed, at, deadlineMs)]))
  const placement = createPlacement([...nodes.keys()])
  const decaying = setInterval(() => placement.decay(), decayEveryMs)
  decaying.unref()
  const isUp = (name: string) => {
    const node = nodes.get(name)
    return node?.isConnected() === true && node.guarded.isUp
  }
  const holders = (key: string) => placement.holders(key, isUp).map((name) => nodes.get(name) as Node)

  return {
    async read(key) {
      const readers = placement.readers(key, isUp).map((name) => nodes.get(name) as Node)
      for (const node of readers) {
        node.reads++
        const outcome = await node.guarded.run(() => node.client.get(prefix + key))
        const value = outcome?.value as Uint8Array | null | undefined
        if (value != null) {
          if (node !== readers[0]) repair(readers[0], node, key, value)
          return value
        }
      }
      return undefined
    },
    async write(key, value, ttlMs) {
      if (value.length > entryBytesMax) return
      await Promise.all(holders(key).map((node) => put(node, key, value, ttlMs)))
    },
    async evict(keys) {
      const byNode = new Map<Node, string[]>()
      for (const key of keys)
        for (const node of holders(key)) byNode.set(node, [...(byNode.get(node) ?? []), prefix + key])
      await Promise.all([...byNode].map(([node, some]) => node.guarded.run(() => node.client.unlink(some))))
    },
    async claim(key, ttlMs) {
      const [node] = holders(key)
      if (node === undefined) return true
      const outcome = await node.guarded.run(() =>
        node.client.set(prefix + key, '1', { condition: 'NX', expiration: { type: 'PX', value: ttlMs } }),
      )
      return outcome === undefined || outcome.value !== null
    },
    count: (added, ttlMs) =>
      Promise.all(
        added.map(async ([key, by]) => {
          const [node] = holders(key)
          const outcome = await node?.guarded.run(async () => {
            const [stands] = await node.client
              .multi()
              .incrBy(prefix + key, by)
              .pExpire(prefix + key, ttlMs)
              .exec()
            return Number(stands)
          })
          return outcome?.value
        }),
      ),
    nodes: () => [...nodes.values()].map(({ name, reads }) => ({ name, isUp: isUp(name), reads })),
    async [Symbol.asyncDispose]() {
      clearInterval(decaying)
      for (const { close } of nodes.values()) close()
    },
  }
}

function put({ guarded, client }: Node, key: string, value: Uint8Array, ttlMs: number) {
  return guarded.run(() =>
    client.set(prefix + key, asBuffer(value), { expiration: { type: 'PX', value: Math.ceil(ttlMs) } }),
  )
}

/** A node that came back empty gets what the other one has, for as long as it has it. */
function repair(empty: Node | undefined, full: Node, key: string, value: Uint8Array): void {
  if (empty === undefined) return
  void full.guarded.run(async () => {
    const ttlMs = Number(await full.client.pTTL(prefix + key))
    if (ttlMs > 0) await put(empty, key, value, ttlMs)
  })
}

function openNode(parsed: RedisUrl, at: RedisUrl['nodes'][number], deadlineMs: number): Node {
  const client = clientFor(parsed, at)
  const told = tellOf(nameOf(at))
  let isReady = false
  let isClosed = false
  client.on('ready', () => {
    isReady = true
    told.back()
    // The client forgets a connection that it is still making: it comes about all the same, and keeps the process alive.
    if (isClosed) client.destroy()
  })
  for (const event of ['end', 'error', 'reconnecting'] as const)
    client.on(event, () => {
      isReady = false
    })
  client.on('error', (error) => told.away(error))
  // A node that is away is tried again, and counts as not ready meanwhile.
  client.connect().catch(() => undefined)
  return {
    name: nameOf(at),
    client,
    guarded: guard(deadlineMs, () => performance.now(), told),
    reads: 0,
    isConnected: () => isReady,
    close() {
      isClosed = true
      client.destroy()
    },
  }
}

function clientFor({ username, password, tls }: RedisUrl, { host, port }: RedisUrl['nodes'][number]) {
  return createClient({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    socket: {
      host,
      port,
      ...(tls && { tls: true as const }),
      connectTimeout: 1_000,
      reconnectStrategy: (retries) =>
        Math.min(reconnectMs.max, reconnectMs.first * 2 ** Math.min(retries, 8)),
    },
    // What cannot be sent now is of no use later.
    disableOfflineQueue: true,
    commandsQueueMaxLength: commandsMax,
  }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
}

const nameOf = ({ host, port }: RedisUrl['nodes'][number]) => `${host}:${port}`
const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
