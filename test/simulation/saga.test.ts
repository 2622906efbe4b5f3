import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inThread } from '../support/in-thread.ts'
import { controls, createSchedule, violations } from './saga-runs.ts'
import { firstSeed, isReplay } from './seed.ts'
import { runAll } from './world.ts'

const schedules = Number(process.env.OCTAVO_SCHEDULES ?? 5_000)

test('no schedule of deaths, freezes and lost answers breaks a saga', {
  skip: isReplay,
}, async (t) => {
  const startedMs = performance.now()
  const failure = await firstFailure(firstSeed, schedules)
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed} in ${Math.round(performance.now() - startedMs)} ms`,
  )
  assert.equal(failure, undefined)
})

test('the saga schedule of a given seed, step by step', { skip: !isReplay }, async () => {
  const schedule = createSchedule(firstSeed, {}, true)
  await runAll([schedule.world])
  console.log(schedule.world.notes.join('\n'))
  assert.deepEqual(violations(schedule.store), [])
})

for (const what of Object.keys(controls))
  test(`the checks notice ${what}`, { skip: isReplay }, async () => {
    assert.ok(await firstFailure(1, 3_000, what), 'all schedules went by without notice')
  })

const firstFailure = (first: number, count: number, control?: string) =>
  inThread<string | undefined>(
    new URL('./saga-runs.ts', import.meta.url),
    'firstFailure',
    ...[first, count, control],
  )
