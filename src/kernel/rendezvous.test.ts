import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ranked } from './rendezvous.ts'

const five = ['a', 'b', 'c', 'd', 'e']
const keys = Array.from({ length: 20_000 }, (_, i) => `978${i}`)
const owner = (key: string, nodes: readonly string[]) => ranked(key, nodes, (node) => node)[0] ?? ''

test('losing a node moves its own keys and no others', () => {
  const four = five.filter((node) => node !== 'c')
  for (const key of keys) {
    const before = owner(key, five)
    if (before !== 'c') assert.equal(owner(key, four), before)
  }
})

test('keys are spread evenly', () => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(owner(key, five), (counts.get(owner(key, five)) ?? 0) + 1)
  for (const count of counts.values()) assert.ok(Math.abs(count / (keys.length / 5) - 1) < 0.1, `${count}`)
})

test('the order of the nodes does not matter', () => {
  assert.deepEqual(
    ranked('978', five, (n) => n),
    ranked('978', five.toReversed(), (n) => n),
  )
})
