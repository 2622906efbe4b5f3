import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openLog } from '#ports/log'
import { hazelcastMissing, startHazelcast } from '../../../test/support/hazelcast.ts'
import { freePort, redisMissing, startRedis } from '../../../test/support/redis.ts'
import { until } from '../../../test/support/until.ts'
import { type Cache, openCache } from './port.ts'

type Line = { level: string; part: string; server: string; reason?: string }

/** What the cache says from now on. */
function heard(t: TestContext): Line[] {
  const lines: Line[] = []
  const write = (line: string) => void lines.push(JSON.parse(line) as Line)
  openLog({ level: 'info', format: 'json', fields: {}, write })
  t.after(() => openLog({ level: 'warn', format: 'pretty', fields: {}, write: () => undefined }))
  return lines
}

/** Keeps asking until it is told. */
const toldOf = (lines: readonly Line[], cache: Cache, text: RegExp) =>
  until(async () => {
    await cache.read('key')
    return lines.some(({ level, reason = '' }) => level === 'warn' && text.test(reason))
  }, `${text} is told`)

test('a server that dies is told of once, with the reason, and once more when it is back', {
  skip: redisMissing(),
}, async (t) => {
  const redis = await startRedis(t)
  await using cache = await openCache(`redis://127.0.0.1:${redis.port}`)
  await until(async () => cache.nodes().every(({ isUp }) => isUp), 'the server is there')
  const lines = heard(t)
  await redis.kill()
  await toldOf(lines, cache, /ECONNREFUSED|closed/i)
  await redis.start()
  await until(async () => lines.some(({ level }) => level === 'info'), 'it is told to be back')
  assert.deepEqual(
    lines.map(({ level, part, server }) => [level, part, server]),
    [
      ['warn', 'cache', `127.0.0.1:${redis.port}`],
      ['info', 'cache', `127.0.0.1:${redis.port}`],
    ],
  )
})

for (const scheme of ['redis', 'redis-cluster']) {
  test(`${scheme}: nobody at the address is told`, { skip: redisMissing() }, async (t) => {
    const lines = heard(t)
    await using cache = await openCache(`${scheme}://127.0.0.1:${await freePort()}`)
    await toldOf(lines, cache, /ECONNREFUSED/)
  })

  test(`${scheme}: a password that is missing or wrong is told`, { skip: redisMissing() }, async (t) => {
    const redis = await startRedis(t)
    await redis.command('config', 'set', 'requirepass', 'right')
    for (const given of ['', ':wrong@']) {
      const lines = heard(t)
      await using cache = await openCache(`${scheme}://${given}127.0.0.1:${redis.port}`)
      await toldOf(lines, cache, /NOAUTH|WRONGPASS/)
    }
  })
}

test('a cluster of Hazelcast that is called otherwise, or not there, is told of', {
  skip: hazelcastMissing(),
}, async (t) => {
  const [member] = await startHazelcast(t, 1)
  const cases: [string, RegExp][] = [
    [`hazelcast://127.0.0.1:${member?.port}/another`, /cluster name/],
    [`hazelcast://127.0.0.1:${await freePort()}`, /ECONNREFUSED/],
  ]
  for (const [url, text] of cases) {
    const lines = heard(t)
    await using cache = await openCache(url)
    await toldOf(lines, cache, text)
    assert.deepEqual(cache.nodes(), [{ name: 'cluster', isUp: false, reads: cache.nodes()[0]?.reads }])
  }
})
