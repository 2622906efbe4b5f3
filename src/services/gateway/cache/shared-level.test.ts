import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#ports/clock'
import { openCacheCrowd } from '../../../../test/support/cache-crowd.ts'
import { redisMissing } from '../../../../test/support/redis.ts'
import { until } from '../../../../test/support/until.ts'

const phaseMs = 700

test('no read fails while nodes of the shared level are killed, frozen, emptied and all gone', {
  skip: redisMissing(),
}, async (t) => {
  const { redis, readFor, nodesUp, asked } = await openCacheCrowd(t, 3)
  const [first, second] = redis
  const failed: Record<string, number> = {}
  const phase = async (name: string, strike: () => unknown) => {
    const reading = readFor(phaseMs)
    await strike()
    failed[name] = (await reading).failed
  }
  await phase('well', () => undefined)
  await phase('killed', () => first?.kill())
  await phase('frozen', () => second?.freeze())
  second?.thaw()
  await phase('emptied', () => redis[2]?.command('flushall'))
  await phase('gone', () => Promise.all(redis.map((server) => server.kill())))
  for (const server of redis) await server.start()
  await until(async () => (await nodesUp()) === redis.length, 'every node is used again')
  await phase('back', () => undefined)
  assert.deepEqual(failed, { well: 0, killed: 0, frozen: 0, emptied: 0, gone: 0, back: 0 })
  assert.ok(asked() > 0)
})

test('a thousand readers who miss at once make one question of each gateway, whatever becomes of the shared level', {
  skip: redisMissing(),
}, async (t) => {
  // However long a thousand take here, no answer gets old meanwhile.
  const stopped = systemClock.now()
  const { redis, gateways, asked } = await openCacheCrowd(t, 2, { ...systemClock, now: () => stopped })
  const lookTogether = async (path: string) => {
    const before = asked()
    const statuses = await Promise.all(
      Array.from({ length: 1_000 }, async (_, i) => {
        const answer = await fetch(`${gateways[i % gateways.length]?.url}${path}`)
        await answer.arrayBuffer()
        return answer.status
      }),
    )
    assert.deepEqual([...new Set(statuses)], [200])
    return asked() - before
  }
  assert.ok((await lookTogether('/api/books/9786490000012/availability')) <= gateways.length)
  for (const server of redis) await server.kill()
  assert.ok((await lookTogether('/api/books/9786490000029/availability')) <= gateways.length)
})
