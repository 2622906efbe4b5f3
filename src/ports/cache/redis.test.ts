import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestScope } from '../../../test/support/database.ts'
import { type RedisServer, redisMissing, startRedis, startRedisCluster } from '../../../test/support/redis.ts'
import { until } from '../../../test/support/until.ts'
import { type Cache, openCache } from './port.ts'

const skip = redisMissing()
const keys = Array.from({ length: 300 }, (_, i) => `key ${i}`)
const value = Buffer.from('an entry')

test('the death of a node loses no entry, and nobody waits for it for long', { skip }, async (t) => {
  const { cache, servers } = await openNodes(t, 4)
  await servers[1]?.kill()
  assert.equal(await found(cache), keys.length)
  const waits = await waitsOf(cache)
  assert.ok(at(waits, 0.5) < 20, `half of the reads take less than 20 ms: ${at(waits, 0.5)}`)
})

test('a node that comes back empty is filled again by what is read', { skip }, async (t) => {
  const { cache, servers } = await openNodes(t, 4)
  const [first] = servers as [RedisServer]
  await first.kill()
  assert.equal(await found(cache), keys.length)
  await first.start()
  await until(() => cache.nodes().every(({ isUp }) => isUp), 'the node is used again')
  assert.equal(await found(cache), keys.length)
  await until(async () => {
    await found(cache)
    return Number(await first.command('dbsize')) > keys.length / 8
  }, 'the node has a share of the entries again')
})

test('a frozen node costs a read no more than two deadlines, and then nothing', { skip }, async (t) => {
  const deadlineMs = 500
  const { cache, servers } = await openNodes(t, 4, deadlineMs)
  servers[2]?.freeze()
  const before = performance.now()
  assert.equal(await found(cache), keys.length)
  const slow = (await waitsOf(cache)).filter((ms) => ms >= deadlineMs)
  servers[2]?.thaw()
  assert.ok(
    slow.length < keys.length / 10,
    `${slow.length} reads waited, in ${performance.now() - before} ms`,
  )
})

test('with every node gone reads find nothing, writes do nothing, and claims are granted', {
  skip,
}, async (t) => {
  const { cache, servers } = await openNodes(t, 2)
  for (const server of servers) await server.kill()
  const before = performance.now()
  for (const key of keys.slice(0, 50)) {
    assert.equal(await cache.read(key), undefined)
    await cache.write(key, value, 1_000)
    assert.equal(await cache.claim(key, 1_000), true)
  }
  assert.ok(performance.now() - before < 5_000, 'nobody waits for what is not there')
  await servers[0]?.start()
  await until(async () => {
    await cache.write('again', value, 60_000)
    return (await cache.read('again')) !== undefined
  }, 'the cache is used again')
})

test('a cache that is closed while it still connects leaves no connection behind', { skip }, async (t) => {
  const server = await startRedis(t)
  for (let i = 0; i < 5; i++) {
    const cache = await openCache(`redis://127.0.0.1:${server.port}`)
    await cache[Symbol.asyncDispose]()
  }
  // The one that asks is the only one there.
  await until(async () => (await server.command('client', 'list')).split('\n').length === 1)
})

test('a cluster whose primary dies answers from the others, and from its replica soon', {
  skip,
}, async (t) => {
  const servers = await startRedisCluster(t)
  const cache = await openCache(
    `redis-cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    { deadlineMs: 1_000 },
  )
  t.after(() => cache[Symbol.asyncDispose]())
  await until(async () => {
    await fill(cache)
    return (await found(cache)) === keys.length
  }, 'the cluster takes entries')
  // What its replica has not got yet would be gone for good.
  await until(async () => {
    const info = (await servers[0]?.command('info', 'replication')) ?? ''
    return /,offset=(\d+)/.exec(info)?.[1] === /master_repl_offset:(\d+)/.exec(info)?.[1]
  }, 'its replica has all of it')
  await servers[0]?.kill()
  assert.ok((await found(cache)) >= keys.length / 2, 'the other two thirds are there')
  await until(async () => (await found(cache)) === keys.length, 'the replica has taken over')
})

async function openNodes(t: TestScope, count: number, deadlineMs = 1_000) {
  const servers = await Promise.all(Array.from({ length: count }, () => startRedis(t)))
  const url = `redis://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  const cache = await openCache(url, { deadlineMs })
  t.after(() => cache[Symbol.asyncDispose]())
  await until(() => cache.nodes().every(({ isUp }) => isUp), 'all nodes are connected')
  await fill(cache)
  assert.equal(await found(cache), keys.length)
  return { cache, servers }
}

const fill = (cache: Cache) => Promise.all(keys.map((key) => cache.write(key, value, 600_000)))

async function found(cache: Cache): Promise<number> {
  const values = await Promise.all(keys.map((key) => cache.read(key)))
  return values.filter((each) => each !== undefined).length
}

async function waitsOf(cache: Cache): Promise<number[]> {
  const waits: number[] = []
  for (const key of keys) {
    const start = performance.now()
    await cache.read(key)
    waits.push(performance.now() - start)
  }
  return waits.sort((a, b) => a - b)
}

const at = (sorted: readonly number[], q: number) => sorted[Math.floor(sorted.length * q)] ?? 0
