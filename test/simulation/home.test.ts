import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runHomes, type Weakness } from './home-world.ts'
import { firstSeed } from './seed.ts'

const schedules = Number(process.env.OCTAVO_SCHEDULES ?? 60)

test('no schedule of cut-off clusters, freezes, two controllers and a hub put back loses an order that anybody was told of', (t) => {
  const { failure, told, moves } = runHomes(firstSeed, schedules)
  t.diagnostic(`${schedules} schedules from seed ${firstSeed}: ${told} orders told of, ${moves} turns begun`)
  assert.equal(failure, undefined)
  assert.ok(moves > schedules * 2 && told > schedules * 20, 'enough happens')
})

const weaknesses: Record<Weakness, string> = {
  'no fence by epoch': 'servers follow whoever speaks last, of whatever turn',
  'turned goes on confirming': 'who votes goes on confirming what the old primary writes',
  'opens before a quorum has what it has': 'a primary shows what may be on it alone',
  'asynchronous commits': 'a commit is acknowledged by one server',
  'one vote is enough': 'the furthest is not looked for among enough',
}
for (const [weakness, what] of Object.entries(weaknesses))
  test(`the checks notice when ${what}`, () => {
    assert.ok(runHomes(100, 400, weakness as Weakness).failure, 'every schedule went by without notice')
  })
