import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from './turns.ts'

test('work for one key is done piece after piece, and what is too much, for it or for all, is refused', async () => {
  const inTurn = createTurns({ forOne: 3, forAll: 5 })
  const [done, refused]: [string[], string[]] = [[], []]
  const work = (key: string) =>
    inTurn(key, async () => {
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
