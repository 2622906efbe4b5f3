import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inThread } from '../support/in-thread.ts'
import { violations } from './check.ts'
import { createSchedule } from './schedule.ts'
import { firstSeed, isReplay } from './seed.ts'
import { controls, type Failure } from './two-phase-runs.ts'
import { runAll } from './world.ts'

const schedules = Number(process.env.OCTAVO_SCHEDULES ?? 10_000)
const controlSchedules = 2_000

test('no schedule of deaths, delays and losses breaks two-phase commit', {
  skip: isReplay,
  // Ten thousand take two minutes of one core; others may want it as well.
  timeout: 540_000,
}, async (t) => {
  const startedMs = performance.now()
  const failure = await firstFailure(firstSeed, schedules)
  t.diagnostic(
    `${schedules} schedules from seed ${firstSeed} in ${Math.round(performance.now() - startedMs)} ms`,
  )
  assert.equal(failure, undefined, failure && told(failure))
})

test('the schedule of a given seed, step by step', { skip: !isReplay }, async () => {
  const schedule = createSchedule(firstSeed, {}, true)
  await runAll([schedule.world])
  console.log(schedule.world.notes.join('\n'))
  assert.deepEqual(violations(schedule), [])
})

for (const what of Object.keys(controls))
  test(`the checks notice ${what}`, { skip: isReplay }, async () => {
    const failure = await firstFailure(1, controlSchedules, what)
    assert.ok(failure, `${controlSchedules} schedules went by without notice`)
  })

test('a seed says everything that happens', async () => {
  const runs = [1, 2].map(() => createSchedule(firstSeed, {}, true))
  await runAll(runs.map((run) => run.world))
  assert.deepEqual(runs[0]?.world.notes, runs[1]?.world.notes)
})

const firstFailure = (first: number, count: number, control?: string) =>
  inThread<Failure | undefined>(
    new URL('./two-phase-runs.ts', import.meta.url),
    'firstFailure',
    ...[first, count, control],
  )

const told = ({ seed, found }: Failure) =>
  `seed ${seed}: ${found.join('; ')}\nreplay: OCTAVO_SEED=${seed} node --test test/simulation/two-phase-commit.test.ts`
