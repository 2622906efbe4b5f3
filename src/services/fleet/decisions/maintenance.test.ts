import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetOf } from '../../../../test/support/small-fleet.ts'
import { readMaintenance } from '../hub/fleet-object.ts'
import { maintainedUntil } from './as-of-now.ts'

const minuteMs = 60_000

test('a cluster is drained for its maintenance, replaced first, and is there again afterwards', () => {
  const fleet = fleetOf('a', 'b', 'c')
  fleet.member('a', { maintenance: [{ fromMs: 2 * minuteMs, untilMs: 10 * minuteMs }] })
  fleet.run(110)
  assert.deepEqual(fleet.phases(), ['a serving', 'b serving', 'c out'])
  fleet.run(20)
  assert.deepEqual(fleet.phases(), ['a out', 'b serving', 'c serving'])
  assert.equal(fleet.why().a, 'is in maintenance until 1970-01-01T00:10:00Z')
  fleet.run(600)
  assert.deepEqual(fleet.phases(), ['a out', 'b serving', 'c serving'], 'nothing moves that need not')
  fleet.member('c', { intent: 'drain' })
  fleet.run(60)
  assert.deepEqual(fleet.phases(), ['a serving', 'b serving', 'c out'])
})

test('when all are to be maintained at once one sells on', () => {
  const fleet = fleetOf('a', 'b')
  for (const name of ['a', 'b'])
    fleet.member(name, { maintenance: [{ fromMs: minuteMs, untilMs: 5 * minuteMs }] })
  fleet.run(120)
  assert.equal(fleet.pictured().filter((each) => each.endsWith(' 100')).length, 1)
  fleet.run(300)
  assert.deepEqual(fleet.phases(), ['a serving', 'b serving'])
})

test('maintenance that is over counts for nothing, and what overlaps is one', () => {
  const of = (...times: [number, number][]) => ({
    ...fleetOf('a').specs.get('a'),
    maintenance: times.map(([fromMs, untilMs]) => ({ fromMs, untilMs })),
  })
  const until = (nowMs: number, ...times: [number, number][]) =>
    maintainedUntil(of(...times) as Parameters<typeof maintainedUntil>[0], nowMs)
  assert.equal(until(50, [10, 50]), undefined)
  assert.equal(until(10, [10, 50]), 50)
  assert.equal(until(9, [10, 50]), undefined)
  assert.equal(until(20, [40, 90], [10, 50]), 90)
  assert.equal(until(20, [10, 50], [50, 60], [70, 80]), 60)
})

test('a time of maintenance has its zone, and ends after it begins', () => {
  const from = '2030-10-27T02:30:00+02:00'
  assert.deepEqual(readMaintenance('a', { from, until: '2030-10-27T02:30:00+01:00' }), {
    ...{ fromMs: Date.UTC(2030, 9, 27, 0, 30), untilMs: Date.UTC(2030, 9, 27, 1, 30) },
  })
  for (const until of ['2030-10-27T03:30:00', '2030-10-27', 'tomorrow', '2030-13-27T03:30:00Z', from])
    assert.throws(() => readMaintenance('a', { from, until }), TypeError, until)
})
