import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHashingPool } from './hashing.ts'

test('a few run at once, known places go first, and a crowd of strangers is refused', async () => {
  const pool = createHashingPool({ atOnce: 2, strangersAtOnce: 2, waitingMax: 3, waitMs: 60_000 })
  const [done, refused]: [string[], string[]] = [[], []]
  let [running, most] = [0, 0]
  const run = (name: string, isKnown: boolean) =>
    pool
      .run(isKnown, async () => {
        most = Math.max(most, ++running)
        await new Promise(setImmediate)
        running--
        done.push(name)
      })
      .catch(() => refused.push(name))
  const strangers = ['s1', 's2', 's3', 's4', 's5', 's6'].map((name) => run(name, false))
  await Promise.all([...strangers, run('known', true)])
  assert.deepEqual(done, ['s1', 's2', 'known', 's3', 's4', 's5'])
  assert.deepEqual(refused, ['s6'])
  assert.equal(most, 2)
})

test('strangers leave room for known places, and none of them waits for long', async () => {
  const pool = createHashingPool({ atOnce: 2, strangersAtOnce: 1, waitingMax: 3, waitMs: 20 })
  const slow = Promise.withResolvers<void>()
  const stranger = pool.run(false, () => slow.promise)
  await assert.rejects(
    pool.run(false, async () => undefined),
    /Too many log-ins at once/,
  )
  assert.equal(await pool.run(true, async () => 'at once'), 'at once')
  slow.resolve()
  await stranger
  assert.equal(await pool.run(false, async () => 'later'), 'later')
})
