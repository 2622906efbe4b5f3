import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { TestScope } from '../../../test/support/database.ts'
import { hazelcastMissing, startHazelcast } from '../../../test/support/hazelcast.ts'
import { redisMissing, startRedis, startRedisCluster } from '../../../test/support/redis.ts'
import { until } from '../../../test/support/until.ts'
import { type Cache, openCache } from './port.ts'

const bytes = (text: string) => Buffer.from(text)
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()

/** Generous: what is tried here is what a cache does, not how fast. */
const deadlineMs = 2_000

/** Ends one server of those that back each other up, where that is tried here. */
let kill: (() => Promise<void>) | undefined

const adapters: { name: string; skip: string | false; url: (t: TestScope) => Promise<string> }[] = [
  { name: 'memory', skip: false, url: async () => `memory:${Math.random()}` },
  {
    name: 'redis, four nodes',
    skip: redisMissing(),
    url: async (t) => {
      const servers = await Promise.all(Array.from({ length: 4 }, () => startRedis(t)))
      return `redis://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
    },
  },
  {
    name: 'redis-cluster, 3 + 3',
    skip: redisMissing(),
    url: async (t) => {
      const servers = await startRedisCluster(t)
      return `redis-cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
    },
  },
  {
    name: 'hazelcast, two members',
    skip: hazelcastMissing(),
    url: async (t) => {
      const members = await startHazelcast(t, 2)
      kill = async () => members[0]?.kill()
      return `hazelcast://${members.map(({ port }) => `127.0.0.1:${port}`).join(',')}/octavo`
    },
  },
]

for (const { name, skip, url } of adapters)
  describe(name, { skip }, () => {
    const endings: (() => unknown)[] = []
    let cache: Cache
    let other: Cache
    before(async () => {
      const address = await url({ after: (end) => void endings.push(end as () => unknown) })
      cache = await openCache(address, { deadlineMs })
      other = await openCache(address, { deadlineMs })
      for (const each of [cache, other])
        await until(async () => {
          await each.write('ready', bytes('yes'), 60_000)
          return text(await each.read('ready')) === 'yes'
        }, `${name} takes entries`)
    })
    after(async () => {
      for (const each of [cache, other]) await each?.[Symbol.asyncDispose]()
      for (const end of endings.reverse()) await end()
    })

    test(`${name}: an entry is read as it was written, by another process as well`, async () => {
      const value = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251)
      await cache.write('a key/with ü', value, 60_000)
      assert.deepEqual(Buffer.from((await other.read('a key/with ü')) ?? []), Buffer.from(value))
      await other.write('a key/with ü', bytes('new'), 60_000)
      assert.equal(text(await cache.read('a key/with ü')), 'new')
      assert.equal(await cache.read('another'), undefined)
      await cache.write('empty', bytes(''), 60_000)
      assert.equal((await cache.read('empty'))?.length, 0)
    })

    test(`${name}: an entry ends when its time is up, and when it is evicted`, async () => {
      await cache.write('short', bytes('x'), 300)
      assert.equal(text(await other.read('short')), 'x')
      await until(async () => (await other.read('short')) === undefined)
      const keys = Array.from({ length: 20 }, (_, i) => `many ${i}`)
      for (const key of [...keys, 'kept']) await cache.write(key, bytes(key), 60_000)
      await other.evict(keys)
      for (const key of keys) assert.equal(await cache.read(key), undefined)
      assert.equal(text(await cache.read('kept')), 'kept')
    })

    test(`${name}: of many who claim a key one gets it, until it ends`, async () => {
      const claims = await Promise.all(
        Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? cache : other).claim('turn', 400)),
      )
      assert.equal(claims.filter(Boolean).length, 1)
      await until(() => cache.claim('turn', 400))
    })

    test(`${name}: what several add to a counter adds up, until nobody adds any more`, async () => {
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? cache : other).count([['n', i]], 60_000)),
      )
      const both = await cache.count(
        [
          ['n', 0],
          ['m', 3],
        ],
        60_000,
      )
      assert.deepEqual(both, [190, 3])
      assert.deepEqual(await other.count([['m', 4]], 200), [7])
      await until(async () => (await other.count([['m', 0]], 1))[0] === 0)
    })

    test(`${name}: an entry too large to keep is not kept`, async () => {
      await cache.write('huge', Buffer.alloc(5 * 1024 * 1024), 60_000)
      assert.equal(await cache.read('huge'), undefined)
    })

    if (name.startsWith('hazelcast'))
      test(`${name}: the death of a member loses no entry`, async () => {
        const keys = Array.from({ length: 100 }, (_, i) => `safe ${i}`)
        await Promise.all(keys.map((key) => cache.write(key, bytes(key), 600_000)))
        await kill?.()
        for (const key of keys)
          await until(async () => text(await cache.read(key)) === key, `${key} is still there`)
        assert.equal(await cache.read('another'), undefined)
      })
  })

test('an unknown scheme is refused with the schemes there are', async () => {
  await assert.rejects(openCache('ftp://x'), /redis:\/\//)
  await assert.rejects(openCache('redis://:secret@a:x'), (error: Error) => !error.message.includes('secret'))
})
