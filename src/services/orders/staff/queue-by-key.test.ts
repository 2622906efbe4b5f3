import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueByKey } from './queue-by-key.ts'

test('work for one key is done piece after piece, and what is too much, for it or for all, is refused', async () => {
  const inQueue = queueByKey({ forOne: 3, forAll: 5, waitMs: 60_000 })
  const [done, refused]: [string[], string[]] = [[], []]
  const work = (key: string) =>
    inQueue(key, async () => {
      done.push(`${key}+`)
      await new Promise(setImmediate)
      done.push(`${key}-`)
    }).catch((error: Error) => refused.push(error.message))
  const all = ['a', 'a', 'a', 'a', 'b', 'c', 'd'].map(work)
  assert.deepEqual(await Promise.all(all.slice(3, 4)), [1])
  await Promise.all(all)
  assert.deepEqual(
    done.filter((each) => each.startsWith('a')),
    ['a+', 'a-', 'a+', 'a-', 'a+', 'a-'],
  )
  assert.deepEqual(refused, ['Too many log-ins for this account at once.', 'Too many log-ins at once.'])
  await work('d')
  assert.equal(done.at(-1), 'd-')
})

test('whose turn does not come in time is told so, and its work is not done later', async () => {
  const inQueue = queueByKey({ forOne: 3, forAll: 5, waitMs: 20 })
  const first = Promise.withResolvers<void>()
  const done: string[] = []
  const running = inQueue('a', async () => {
    await first.promise
    done.push('first')
  })
  await assert.rejects(
    inQueue('a', async () => done.push('second')),
    /Too many log-ins for this account at once/,
  )
  first.resolve()
  await running
  await inQueue('a', async () => done.push('third'))
  assert.deepEqual(done, ['first', 'third'])
})
