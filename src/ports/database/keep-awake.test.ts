import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptAwake } from './keep-awake.ts'

test('a connection is spoken to while work rests, one word at a time, and no more when it is done', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const said: PromiseWithResolvers<never[]>[] = []
  const query = async <Row>(): Promise<Row[]> => {
    const answer = Promise.withResolvers<never[]>()
    said.push(answer)
    return await answer.promise
  }
  const done = Promise.withResolvers<string>()
  const work = keptAwake({ query }, () => done.promise)
  t.mock.timers.tick(60_000)
  assert.equal(said.length, 1, 'a server that does not answer is not asked again')
  said[0]?.resolve([])
  await said[0]?.promise
  await new Promise(setImmediate)
  t.mock.timers.tick(5_000)
  assert.equal(said.length, 2)
  said[1]?.reject(new Error('it has gone'))
  await new Promise(setImmediate)
  done.resolve('done')
  assert.equal(await work, 'done', 'that it has gone is told to whoever uses it')
  t.mock.timers.tick(60_000)
  assert.equal(said.length, 2)
})
