import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runMovingFleets } from './moving-fleet-world.ts'
import { firstSeed } from './seed.ts'

const schedules = Number(process.env.OCTAVO_SCHEDULES ?? 60)

test('databases move while clusters are drained, revoked, taken in, given versions and lost: nothing is lost, and all comes to its end', (t) => {
  const { failure, told, moves, rolled } = runMovingFleets(firstSeed, schedules)
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed}: ${told} orders told of, ${moves} moves, ${rolled} roll-outs`,
  )
  assert.equal(failure, undefined)
  assert.ok(moves > schedules && rolled > schedules, 'enough happens')
})

for (const broken of ['generation', 'tokens'] as const)
  test(`the checks notice a controller that does not wait for ${broken} while they move`, (t) => {
    const { failure } = runMovingFleets(100, 200, broken)
    assert.ok(failure, 'every schedule went by without notice')
    t.diagnostic(failure.split('\n', 1)[0] ?? '')
  })
