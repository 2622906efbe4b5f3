import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstSeed } from './seed.ts'
import { runTopologies, type Weakness } from './topology-world.ts'

const schedules = Number(process.env.OCTAVO_SCHEDULES ?? 150)

test('no planned move of CloudNativePG’s databases loses an order, with clusters, operators, edges and controllers away', (t) => {
  const { failure, told, moves } = runTopologies(firstSeed, schedules, false)
  t.diagnostic(`${schedules} schedules from seed ${firstSeed}: ${told} orders told of, ${moves} moves`)
  assert.equal(failure, undefined)
  assert.ok(moves > schedules && told > schedules * 100, 'enough happens')
})

test('where a loss was accepted nothing is lost but what was told before, also when the old home comes back', (t) => {
  const { failure, told, given } = runTopologies(firstSeed, schedules, true)
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed}: ${told} orders told of, ${given} homes given up`,
  )
  assert.equal(failure, undefined)
  assert.ok(given > schedules / 3, 'enough happens')
})

const weaknesses: Record<Weakness, [isLossy: boolean, what: string]> = {
  'promotes without a token': [false, 'the next home is promoted with what it has'],
  'promotes before the token is there': [false, 'the old home is not waited for'],
  'takes a token of an earlier move': [false, 'a token of an earlier move is taken for one of this'],
  'writes works at whatever version': [
    false,
    'a controller that was frozen goes on with what it had decided',
  ],
  'does not wait for edges': [true, 'an edge may still send orders to the home that is given up'],
  'nobody holds up the home that was given up': [true, 'a home that comes back takes orders'],
}
for (const [weakness, [isLossy, what]] of Object.entries(weaknesses))
  test(`the checks notice when ${what}`, (t) => {
    const { failure } = runTopologies(100, 1_500, isLossy, weakness as Weakness)
    assert.ok(failure, 'every schedule went by without notice')
    t.diagnostic(failure)
  })
