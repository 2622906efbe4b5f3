import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstSeed } from './seed.ts'
import type { Weakness } from './topology-seen.ts'
import { type Kind, runTopologies } from './topology-world.ts'

const schedules = Number(process.env.OCTAVO_SCHEDULES ?? 150)

test('no planned move of CloudNativePG’s databases loses an order, with clusters, operators, edges and controllers away', (t) => {
  const { failure, told, moves } = runTopologies(firstSeed, schedules, {})
  t.diagnostic(`${schedules} schedules from seed ${firstSeed}: ${told} orders told of, ${moves} moves`)
  assert.equal(failure, undefined)
  assert.ok(moves > schedules && told > schedules * 100, 'enough happens')
})

test('where a loss was accepted nothing is lost but what was told before, also when the old home comes back', (t) => {
  const { failure, told, given } = runTopologies(firstSeed, schedules, { isLossy: true })
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed}: ${told} orders told of, ${given} homes given up`,
  )
  assert.equal(failure, undefined)
  assert.ok(given > schedules / 3, 'enough happens')
})

test('a hub that is put back to an earlier day loses nothing and promotes nobody', (t) => {
  const { failure, told, back } = runTopologies(firstSeed, schedules, { isPutBack: true })
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed}: ${told} orders told of, ${back} times put back`,
  )
  assert.equal(failure, undefined)
  assert.ok(back > schedules / 3, 'enough happens')
})

test('nor does one that is put back while homes are given up', (t) => {
  const { failure, given, back } = runTopologies(firstSeed, schedules, { isPutBack: true, isLossy: true })
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed}: ${given} homes given up, ${back} times put back`,
  )
  assert.equal(failure, undefined)
  assert.ok(given > schedules / 5 && back > schedules / 3, 'enough happens')
})

/** Rare ones are looked for from where they are known to come. */
const weaknesses: Record<Weakness, [kind: Kind, what: string, firstSeed?: number]> = {
  'promotes without a token': [{}, 'the next home is promoted with what it has'],
  'promotes before the token is there': [{}, 'the old home is not waited for'],
  'takes a token of an earlier move': [{}, 'a token of an earlier move is taken for one of this'],
  'goes by what was said before': [{}, 'what a cluster said before it was told is taken for an answer', 300],
  'writes works at whatever version': [{}, 'a controller that was frozen goes on with what it had decided'],
  'does not wait for edges': [
    { isLossy: true },
    'an edge may still send orders to the home that is given up',
  ],
  'says that it follows before it is on the disk': [
    { isLossy: true },
    'an edge begins again with a picture that it said it follows no more',
  ],
  'waits for answers of an earlier turn': [
    { isLossy: true },
    'a home that was given up answers what it was sent before',
    500,
  ],
  'nobody holds up the home that was given up': [{ isLossy: true }, 'a home that comes back takes orders'],
  'does not ask edges what they know': [
    { isPutBack: true },
    'the hub goes on from the middle of a move that was called off since',
    600,
  ],
  'takes works of an earlier day': [{ isPutBack: true }, 'clusters do what they were told on an earlier day'],
}
for (const [weakness, [kind, what, first = 100]] of Object.entries(weaknesses))
  test(`the checks notice when ${what}`, (t) => {
    const { failure } = runTopologies(first, 1_000, kind, weakness as Weakness)
    assert.ok(failure, 'every schedule went by without notice')
    t.diagnostic(failure)
  })
