import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type BreakerLimits,
  type BreakerState,
  breakerLimits,
  closedBreaker,
  mayTry,
  onAlive,
  onFailure,
  onLifeless,
  onNeither,
  onSlowAnswer,
  onSuccess,
  onTry,
  trip,
} from './circuit-breaker.ts'

const failing = (state: BreakerState, times: number, nowMs = 0) => {
  for (let i = 0; i < times; i++) state = onFailure(onTry(state, nowMs), nowMs)
  return state
}
const open = failing(closedBreaker, breakerLimits.inRowMax)

test('failures in a row trip it, and a success in between starts the count again', () => {
  const almost = failing(closedBreaker, breakerLimits.inRowMax - 1)
  assert.equal(mayTry(almost, 0, 0), true)
  assert.equal(failing(onSuccess(almost, 0), 2).kind, 'closed')
  assert.deepEqual(failing(almost, 1), { kind: 'open', untilMs: 500, opened: 1, reason: 'failures' })
})

test('two failures far apart trip it as well: a few callers are protected too', () => {
  const once = failing(closedBreaker, 1, 1_000)
  assert.equal(failing(once, 1, 1_000 + breakerLimits.lastingMs - 1).kind, 'closed')
  const later = failing(once, 1, 1_000 + breakerLimits.lastingMs)
  assert.ok(later.kind === 'open' && later.reason === 'lasting')
})

test('failures among successes trip it when they are many and a large share, and only then', () => {
  const mixed = (successes: number) => {
    let state: BreakerState = closedBreaker
    for (let i = 0; i < 40 && state.kind === 'closed'; i++) {
      for (let n = 0; n < successes; n++) state = onSuccess(onTry(state, 10_000), 10_000)
      state = onFailure(onTry(state, 10_000), 10_000)
    }
    return state.kind
  }
  assert.equal(mixed(2), 'open')
  assert.equal(mixed(9), 'closed')
})

test('old failures fade', () => {
  let state: BreakerState = closedBreaker
  for (let at = 0; at < 600_000; at += 5_000) state = onSuccess(onFailure(onTry(state, at), at), at)
  assert.equal(state.kind, 'closed')
})

test('an open one lets nothing through in its cool-down, and answers from before change nothing', () => {
  assert.equal(mayTry(open, 499, 0), false)
  assert.equal(mayTry(open, 500, 0), true)
  assert.equal(onSuccess(open, 100), open)
  assert.equal(onFailure(open, 100), open)
  assert.equal(onAlive(open, 499), open)
})

test('after it come a few probes, and good ones let traffic return step by step', () => {
  let state = onAlive(open, 500)
  for (let i = 0; i < breakerLimits.probesMax; i++) {
    assert.equal(mayTry(state, 500, i), true)
    state = onTry(state, 500)
  }
  assert.equal(mayTry(state, 501, 3), false)
  for (let i = 0; i < breakerLimits.probesGood; i++) state = onSuccess(state, 510)
  assert.equal(state.kind, 'returning')
  assert.equal(mayTry(state, 510, breakerLimits.returnMin - 1), true)
  assert.equal(mayTry(state, 510, breakerLimits.returnMin), false)
  assert.equal(mayTry(state, 510 + breakerLimits.returnStepMs, breakerLimits.returnMin), true)
  assert.equal(onSuccess(state, 600).kind, 'returning')
  assert.deepEqual(onSuccess(state, 510 + 8 * breakerLimits.returnStepMs), closedBreaker)
})

test('a failed probe, or one without a sign of life, doubles the wait up to its limit', () => {
  const waits = (again: (state: BreakerState, nowMs: number) => BreakerState) => {
    let state = open
    return [1, 2, 3].map(() => {
      const from = state.kind === 'open' ? state.untilMs : 0
      state = again(state, from)
      return state.kind === 'open' ? state.untilMs - from : 0
    })
  }
  assert.deepEqual(
    waits((state, at) => onFailure(onTry(onAlive(state, at), at), at)),
    [1_000, 2_000, 2_000],
  )
  assert.deepEqual(waits(onLifeless), [1_000, 2_000, 2_000])
})

test('a failure while traffic returns trips it again; a probe that was lost makes room for another', () => {
  let state = onAlive(open, 500)
  state = onSuccess(onSuccess(onTry(onTry(state, 500), 500), 500), 500)
  assert.equal(failing(state, 1, 600).kind, 'open')
  let lost = onAlive(open, 500)
  for (let i = 0; i < breakerLimits.probesMax; i++) lost = onTry(lost, 500)
  assert.equal(mayTry(lost, 500 + breakerLimits.probeLostMs, 3), true)
})

test('a probe whose caller went away makes room at once, and what was sent before the probing makes none', () => {
  let state = onAlive(open, 500)
  for (let i = 0; i < breakerLimits.probesMax; i++) state = onTry(state, 500)
  assert.equal(mayTry(onNeither(state, 499), 501, 3), false)
  assert.equal(mayTry(onNeither(state, 500), 501, 3), true)
  assert.equal(onNeither(open, 600), open)
})

test('what hangs is cut off whatever was counted', () => {
  assert.deepEqual(trip(closedBreaker, 70, 'stalled'), {
    ...{ kind: 'open', untilMs: 570, opened: 1, reason: 'stalled' },
  })
})

/** One caller or many against an instance that is down for a while, on a timeline of its own. */
function simulate(callers: number, limits: BreakerLimits) {
  const [downFrom, downTo, endMs, failsAfter, worksAfter] = [1_000, 6_000, 20_000, 400, 5]
  const seen = { wasted: 0, refused: 0, backMs: Number.POSITIVE_INFINITY }
  let state: BreakerState = closedBreaker
  const events: { at: number; run(at: number): void }[] = []
  const call = (at: number): void => {
    if (at >= endMs) return
    if (!mayTry(state, at, 0, limits)) {
      seen.refused++
      events.push({ at: at + 50, run: call })
      return
    }
    state = onTry(state, at, limits)
    const isDown = at >= downFrom && at < downTo
    events.push({
      at: at + (isDown ? failsAfter : worksAfter),
      run: (now) => {
        state = isDown ? onFailure(state, now, limits) : onSuccess(state, now, limits)
        if (isDown) seen.wasted++
        else if (at >= downTo) seen.backMs = Math.min(seen.backMs, at - downTo)
        events.push({ at: now + 20, run: call })
      },
    })
  }
  for (let i = 0; i < callers; i++) events.push({ at: i, run: call })
  for (;;) {
    events.sort((a, b) => b.at - a.at)
    const event = events.pop()
    if (event === undefined) return { ...seen, kind: state.kind }
    event.run(event.at)
  }
}

test('while an instance is down few requests are wasted on it, and it is back in seconds', () => {
  for (const callers of [1, 5, 60]) {
    const { wasted, backMs, kind } = simulate(callers, breakerLimits)
    assert.ok(wasted <= 12 + callers, `${callers} callers: ${wasted} wasted`)
    assert.ok(backMs <= breakerLimits.openMaxMs + 500, `${callers} callers: back after ${backMs} ms`)
    assert.equal(kind, 'closed')
  }
  // Without a breaker every one of them waits for every failure.
  const without = simulate(60, { ...breakerLimits, inRowMax: 1e9, lastingMs: 1e9, failedMin: 1e9 })
  assert.ok(without.wasted > 400, `${without.wasted}`)
})

test('one that was left out for being slow is looked at ever more seldom while it stays slow', () => {
  let state = trip(closedBreaker, 0, 'slow')
  let nowMs = 0
  const waits: number[] = []
  for (let i = 0; i < 8 && state.kind === 'open'; i++) {
    waits.push(state.untilMs - nowMs)
    nowMs = state.untilMs
    state = onTry(onTry(onAlive(state, nowMs), nowMs), nowMs)
    state = onSlowAnswer(onSlowAnswer(state, nowMs), nowMs)
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000])
  const alive = onAlive(state, nowMs + breakerLimits.openSlowMaxMs)
  assert.equal(onSuccess(onSuccess(onSlowAnswer(alive, nowMs), nowMs), nowMs).kind, 'returning')
})

test('a slow answer says nothing against one that was left out for another reason, or for none', () => {
  const alive = onAlive(open, 500)
  assert.equal(onSlowAnswer(onSlowAnswer(alive, 500), 500).kind, 'returning')
  assert.equal(onSlowAnswer(closedBreaker, 0), closedBreaker)
})
