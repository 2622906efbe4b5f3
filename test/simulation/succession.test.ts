import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseSuccessor, quorumOf, type Vote, votesNeeded } from '#kernel/succession'
import { parseLsn } from '#ports/postgres'
import { firstSeed } from './seed.ts'
import { runSuccessions, type Weakness } from './succession-world.ts'

const schedules = 3_000

test('the replica that is furthest is promoted, once enough of them have turned from the old primary', () => {
  const votes = [vote('b', 5n), vote('c', 9n), vote('d', 9n)]
  assert.deepEqual(chooseSuccessor(four, votes), { kind: 'promote', name: 'c' })
  assert.deepEqual(chooseSuccessor(four, [...votes].reverse()), { kind: 'promote', name: 'c' })
  const elder = { ...vote('e', 99n), timeline: 0 }
  assert.deepEqual(chooseSuccessor(four, [...votes, elder]), { kind: 'promote', name: 'c' })
})

test('nobody is promoted while too few replicas can be asked', () => {
  assert.equal(chooseSuccessor(four, [vote('b', 5n), vote('c', 9n)]).kind, 'wait')
  const receiving = { ...vote('d', 9n), stillReceives: true }
  assert.equal(chooseSuccessor(four, [vote('b', 5n), vote('c', 9n), receiving]).kind, 'wait')
  const stranger = { ...vote('d', 9n), hasFollowed: false }
  assert.equal(chooseSuccessor(four, [vote('b', 5n), vote('c', 9n), stranger]).kind, 'wait')
  assert.equal(chooseSuccessor({ replicas: 0, quorum: 0 }, []).kind, 'wait')
})

test('any quorum and any set of votes have a replica in common', () => {
  for (let replicas = 1; replicas <= 9; replicas++) {
    const quorum = quorumOf(replicas)
    assert.ok(quorum + votesNeeded(replicas, quorum) > replicas, `${replicas} replicas`)
  }
})

test('positions are compared as the numbers they are', () => {
  assert.equal(parseLsn('16/B374D848'), 0x16b374d848n)
  assert.ok(parseLsn('A/0') > parseLsn('9/FFFFFFFF'))
})

test('no schedule of partitions, freezes and clocks that jump loses what was acknowledged, or makes two primaries', (t) => {
  const { failure, acknowledged, promotions } = runSuccessions(firstSeed, schedules)
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed}: ${acknowledged} acknowledged, ${promotions} promotions`,
  )
  assert.equal(failure, undefined)
  assert.ok(promotions > schedules / 2 && acknowledged > schedules)
})

const weaknesses: Record<Weakness, string> = {
  'too few votes': 'a majority is not waited for',
  'votes while still receiving': 'who votes goes on confirming what the old primary writes',
  'first that answers': 'the furthest is not looked for',
  'one confirmation': 'fewer replicas confirm a commit than the rule supposes',
  'votes of strangers': 'who has not followed the last primary votes',
}
for (const [weakness, what] of Object.entries(weaknesses))
  test(`the checks notice when ${what}`, () => {
    assert.ok(
      runSuccessions(1, schedules, weakness as Weakness).failure,
      'every schedule went by without notice',
    )
  })

const four = { replicas: 4, quorum: 2 }

function vote(name: string, lsn: bigint): Vote {
  return { name, timeline: 1, lsn, hasFollowed: true, stillReceives: false }
}
