import { createCluster, RESP_TYPES } from '@redis/client'
import { type Cache, type CacheOptions, deadlineMsDefault, entryBytesMax } from './cache.ts'
import { type Guarded, guard } from './guarded.ts'
import { parseRedisUrl } from './redis-url.ts'
import { tellOf } from './told.ts'

const prefix = 'octavo:'
const commandsMax = 2_000
const slots = 16_384
const guardsMax = 16
const slotsPerGuard = slots / guardsMax
/** How often a connection is tried again before the client asks the others who has its slots now. */
const refreshAfterAttempts = 200

/** A Redis Cluster: its own slots say where keys lie, its replicas take over from a primary that dies. */
export async function openRedisClusterCache(url: string, options: CacheOptions): Promise<Cache> {
  const { deadlineMs = deadlineMsDefault } = options
  const parsed = parseRedisUrl(url)
  const cluster = createCluster({
    rootNodes: parsed.nodes.map(({ host, port }) => ({ socket: { host, port } })),
    defaults: {
      ...(parsed.username !== undefined && { username: parsed.username }),
      ...(parsed.password !== undefined && { password: parsed.password }),
      socket: { ...(parsed.tls && { tls: true as const }), connectTimeout: 1_000 },
      disableOfflineQueue: true,
      commandsQueueMaxLength: commandsMax,
    },
    topologyRefreshOnReconnectionAttemptStrategy: refreshAfterAttempts,
  }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  const told = tellOf('cluster')
  let isKnown = false
  // Later the guards tell what does not answer.
  cluster.on('error', (error) => !isKnown && told.away(error))
  const stop = new AbortController()
  const connecting = connectForEver(async () => {
    await cluster.connect()
    isKnown = true
    told.back()
  }, stop.signal)
  // A breaker for each run of slots, because a primary that is away must not keep us from the others.
  const guards = Array.from({ length: guardsMax }, (_, i) =>
    guard(deadlineMs, () => performance.now(), tellOf(`slots ${i * slotsPerGuard} and on`)),
  )
  const guardOf = (key: string) => guards[Math.floor(slotOf(prefix + key) / slotsPerGuard)] as Guarded
  let reads = 0

  return {
    async read(key) {
      reads++
      const outcome = await guardOf(key).run(() => cluster.get(prefix + key))
      return (outcome?.value as Uint8Array | null | undefined) ?? undefined
    },
    async write(key, value, ttlMs) {
      if (value.length > entryBytesMax) return
      const buffer = Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)
      await guardOf(key).run(() =>
        cluster.set(prefix + key, buffer, { expiration: { type: 'PX', value: Math.ceil(ttlMs) } }),
      )
    },
    async evict(keys) {
      await Promise.all(keys.map((key) => guardOf(key).run(() => cluster.unlink(prefix + key))))
    },
    async claim(key, ttlMs) {
      const outcome = await guardOf(key).run(() =>
        cluster.set(prefix + key, '1', { condition: 'NX', expiration: { type: 'PX', value: ttlMs } }),
      )
      return outcome === undefined || outcome.value !== null
    },
    count: (added, ttlMs) =>
      Promise.all(
        added.map(async ([key, by]) => {
          const outcome = await guardOf(key).run(async () => {
            const [stands] = await cluster
              .multi()
              .incrBy(prefix + key, by)
              .pExpire(prefix + key, ttlMs)
              .exec()
            return Number(stands)
          })
          return outcome?.value
        }),
      ),
    nodes: () => [{ name: 'cluster', isUp: guards.every(({ isUp }) => isUp), reads }],
    async [Symbol.asyncDispose]() {
      stop.abort()
      await connecting
      try {
        cluster.destroy()
      } catch {
        // It was never connected.
      }
    },
  }
}

const retryMs = 500

async function connectForEver(connect: () => Promise<unknown>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      await connect()
      return
    } catch {
      // A cache that is away is no fault: it is tried again, and reads go to the source meanwhile.
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, retryMs)
        stop.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}

/** The slot of a key without braces: CRC-16/XMODEM. Source: Redis cluster specification, "Key distribution model". */
function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc % slots
}
