import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Problem } from '#kernel/problem'
import { createBrowsingQueue } from './browsing-queue.ts'

/** A queue for two at once, on a clock that is set by hand. */
function openQueue(t: TestContext) {
  const clock = { nowMs: 0 }
  const queue = createBrowsingQueue(() => clock.nowMs, { atOnce: 2, readTook() {}, orderTook() {} })
  t.after(() => queue[Symbol.dispose]())
  const begun: string[] = []
  const refused: [string, number][] = []
  const ends = new Map<string, () => void>()
  const enter = (client: string, name: string, isWanted = () => true) =>
    queue.enter(client, {
      isWanted,
      begin(end) {
        begun.push(name)
        ends.set(name, end)
      },
      refuse: ({ status }: Problem) => refused.push([name, status]),
    })
  return { queue, clock, begun, refused, enter, end: (name: string) => ends.get(name)?.() }
}

test('clients have their turns one after the other, whatever each has sent ahead', (t) => {
  const { begun, enter, end, queue } = openQueue(t)
  for (let i = 1; i <= 5; i++) enter('192.0.2.1', `a${i}`)
  enter('192.0.2.2', 'b1')
  assert.deepEqual(begun, ['a1', 'a2'])
  end('a1')
  end('a1')
  end('a2')
  assert.deepEqual(begun, ['a1', 'a2', 'a3', 'b1'])
  assert.deepEqual([queue.active, queue.waiting], [2, 2])
})

test('a read for which a second client waits comes with whichever turn is first, and once', (t) => {
  const { begun, enter, end } = openQueue(t)
  for (let i = 1; i <= 4; i++) enter('192.0.2.1', `a${i}`)
  const shared = enter('192.0.2.1', 'shared')
  enter('192.0.2.1', 'a5')
  shared.join('192.0.2.2')
  shared.join('192.0.2.2')
  for (const name of ['a1', 'a2', 'a3', 'a4', 'shared']) end(name)
  assert.deepEqual(begun, ['a1', 'a2', 'a3', 'shared', 'a4', 'a5'])
})

test('who has many waiting is told so, and what waits too long is refused, also when no place gets free', async (t) => {
  const { clock, refused, enter, queue } = openQueue(t)
  for (let i = 0; i < 520; i++) enter('192.0.2.1', `a${i}`)
  assert.deepEqual(refused.slice(0, 1), [['a514', 429]])
  enter('192.0.2.2', 'b')
  clock.nowMs = 3_000
  await sleep(400)
  assert.deepEqual(refused.at(-1), ['b', 503])
  assert.equal(queue.waiting, 0)
})

test('what nobody wants any more takes no place', (t) => {
  const { begun, refused, enter, end } = openQueue(t)
  for (const name of ['a', 'b']) enter('192.0.2.1', name)
  enter('192.0.2.1', 'gone', () => false)
  enter('192.0.2.1', 'c')
  end('a')
  assert.deepEqual(begun, ['a', 'b', 'c'])
  assert.equal(refused.length, 1)
})
