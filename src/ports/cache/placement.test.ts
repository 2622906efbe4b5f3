import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copies, createPlacement } from './placement.ts'

const nodesOf = (count: number) => Array.from({ length: count }, (_, i) => `10.0.0.${i + 1}:6379`)
const keys = Array.from({ length: 100_000 }, (_, i) => `/api/books/978${i}`)

test('keys lie on two nodes each, evenly', () => {
  const held = new Map<string, number>()
  const placement = createPlacement(nodesOf(5))
  for (const key of keys) {
    const holders = placement.holders(key)
    assert.equal(new Set(holders).size, copies)
    for (const node of holders) held.set(node, (held.get(node) ?? 0) + 1)
  }
  assert.ok(spread([...held.values()]) <= 1.05, `max / mean is ${spread([...held.values()])}`)
})

test('a node more moves its share of the keys and no others', () => {
  for (const count of [3, 4, 8]) {
    const [before, later] = [createPlacement(nodesOf(count)), createPlacement(nodesOf(count + 1))]
    const moved = keys.filter((key) => before.holders(key)[0] !== later.holders(key)[0]).length
    assert.ok(
      moved / keys.length <= 1.5 / (count + 1),
      `${moved} of ${keys.length} moved to ${count + 1} nodes`,
    )
    assert.ok(moved > 0)
  }
})

test('a node that dies leaves every key with a holder that had it, and moves only its own', () => {
  const nodes = nodesOf(4)
  const placement = createPlacement(nodes)
  const alive = (node: string) => node !== nodes[2]
  for (const key of keys.slice(0, 10_000)) {
    const [whole, rest] = [placement.holders(key), placement.holders(key, alive)]
    assert.ok(whole.some((node) => rest.includes(node)))
    if (!whole.includes(nodes[2] as string)) assert.deepEqual(rest, whole)
  }
})

test('under Zipf traffic no node is read much more than the mean, which plain hashing would not manage', () => {
  const nodes = nodesOf(4)
  const [bounded, plain] = [createPlacement(nodes), createPlacement(nodes)]
  const [loads, plainLoads] = [new Map<string, number>(), new Map<string, number>()]
  const note = (to: Map<string, number>, node: string | undefined) =>
    to.set(node ?? '', (to.get(node ?? '') ?? 0) + 1)
  const next = zipf(10_000)
  for (let i = 0; i < 200_000; i++) {
    const key = `key ${next()}`
    note(loads, bounded.readers(key)[0])
    note(plainLoads, plain.holders(key)[0])
    if (i % 20_000 === 0) bounded.decay()
  }
  const [own, without] = [spread([...loads.values()]), spread([...plainLoads.values()])]
  assert.ok(own <= 1.25, `max / mean is ${own}`)
  assert.ok(without > own, `without bounds it would be ${without}`)
})

const spread = (values: readonly number[]) =>
  Math.max(...values) / (values.reduce((sum, each) => sum + each, 0) / values.length)

/** Ranks from 0, the first twice as often as the second; the same row of numbers every time. */
function zipf(count: number): () => number {
  const sums: number[] = []
  for (let rank = 1, sum = 0; rank <= count; rank++) {
    sum += 1 / rank
    sums.push(sum)
  }
  let seed = 1
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const wanted = (seed / 2 ** 32) * (sums.at(-1) ?? 0)
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
