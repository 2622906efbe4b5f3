import type { Cache, CacheOptions } from './cache.ts'

/**
 * Opens the cache of `OCTAVO_CACHE`. It does not wait for a server to answer: one that comes later is used from then on.
 * @throws Error naming the schemes that exist when the URL has another one
 */
export async function openCache(url: string, options: CacheOptions = {}): Promise<Cache> {
  const scheme = url.split(':', 1)[0] ?? ''
  switch (scheme) {
    case 'memory':
      return (await import('./memory.ts')).openMemoryCache(url)
    case 'redis':
    case 'rediss':
      return (await import('./redis.ts')).openRedisCache(url, options)
    case 'redis-cluster':
    case 'rediss-cluster':
      return (await import('./redis-cluster.ts')).openRedisClusterCache(url, options)
    case 'hazelcast':
      return (await import('./hazelcast.ts')).openHazelcastCache(url, options)
    default:
      throw new Error(
        `no cache adapter for "${scheme}:"; use memory:, redis://a:6379,b:6379, redis-cluster://a:6379,b:6379 or hazelcast://a:5701,b:5701`,
      )
  }
}

export type { Cache, CacheNode, CacheOptions } from './cache.ts'
