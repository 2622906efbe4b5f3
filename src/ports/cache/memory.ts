import { type Cache, entryBytesMax } from './cache.ts'

type Entry = { value: Uint8Array; untilMs: number }

const bytesMax = 64 * 1024 * 1024
const shared = new Map<string, Map<string, Entry>>()

/** A cache inside this process, shared by all who open the same URL; the entries that were not read for longest go first. */
export function openMemoryCache(url: string): Cache {
  const entries = shared.get(url) ?? new Map<string, Entry>()
  shared.set(url, entries)
  let bytes = [...entries].reduce((sum, [key, entry]) => sum + sizeOf(key, entry), 0)
  let reads = 0

  const remove = (key: string) => {
    const entry = entries.get(key)
    if (entry === undefined) return
    bytes -= sizeOf(key, entry)
    entries.delete(key)
  }
  const find = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (entry !== undefined && entry.untilMs > performance.now()) return entry
    remove(key)
    return undefined
  }
  const put = (key: string, entry: Entry) => {
    remove(key)
    entries.set(key, entry)
    bytes += sizeOf(key, entry)
    for (const oldest of entries.keys()) {
      if (bytes <= bytesMax) break
      remove(oldest)
    }
  }

  return {
    async read(key) {
      reads++
      const entry = find(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    async write(key, value, ttlMs) {
      if (value.length <= entryBytesMax) put(key, { value, untilMs: performance.now() + ttlMs })
    },
    async evict(keys) {
      for (const key of keys) remove(key)
    },
    async claim(key, ttlMs) {
      if (find(key) !== undefined) return false
      put(key, { value: new Uint8Array(0), untilMs: performance.now() + ttlMs })
      return true
    },
    count: async (added, ttlMs) =>
      added.map(([key, by]) => {
        const stands = Number(Buffer.from(find(key)?.value ?? []).toString()) + by
        put(key, { value: Buffer.from(String(stands)), untilMs: performance.now() + ttlMs })
        return stands
      }),
    nodes: () => [{ name: 'memory', isUp: true, reads }],
    async [Symbol.asyncDispose]() {},
  }
}

/** What an entry takes besides its bytes. */
const overheadBytes = 200
const sizeOf = (key: string, { value }: Entry) => key.length + value.length + overheadBytes
