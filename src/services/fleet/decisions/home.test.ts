import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KeptState, readKeptState, untold } from '#kernel/database-turn'
import { decideHome, type Home, type HomeSpec } from './home.ts'

const members = ['a', 'b', 'c'].map((name) => ({ name, address: `${name}:5433` }))
const spec: HomeSpec = { members, wanted: '', lostAfterMs: 5_000 }
const steady: Home = {
  ...{ epoch: 4, cluster: 'a', step: 'steady', sinceMs: 0, isPlanned: false, to: '', from: null, members },
  troubleSinceMs: undefined,
}
const common = { ...untold, epoch: 4, primary: 'a', isRunning: true, hasData: true, isAsTold: true }
const primary: KeptState = { ...common, state: 'primary', position: { epoch: 4, lsn: '900' } }
const replica: KeptState = { ...common, state: 'replica', receives: true, position: { epoch: 4, lsn: '900' } }
const deaf: KeptState = { ...replica, receives: false, isAsTold: false }
const turnedAt = (lsn: string): KeptState => ({
  ...{ ...common, epoch: 5, state: 'turned', primary: '' },
  position: { epoch: 4, lsn },
})
const seen = (states: Record<string, KeptState>) => new Map(Object.entries(states))
const after = (states: Record<string, KeptState>, home: Home, seconds: number, of = spec) =>
  decideHome(of, seen(states), home, seconds * 1_000).home

/** Looked at twice, so long apart that it is believed. */
const later = (states: Record<string, KeptState>) => {
  const once = after(states, steady, 10) as Home
  return after(states, once, 16)
}

test('a primary that the hub alone hears nothing of stays where it is, and so does one whose server only starts again', () => {
  assert.equal(later({ b: replica, c: replica })?.step, 'steady')
  assert.equal(
    later({ a: { ...primary, isAsTold: false, isRunning: false }, b: replica, c: deaf })?.step,
    'steady',
  )
  assert.equal(later({ b: deaf })?.step, 'steady', 'one alone could choose nobody')
})

test('one that nobody receives from is left, also when it says that it is well', () => {
  for (const a of [{}, { a: primary }] as Record<string, KeptState>[]) {
    const next = later({ ...a, b: deaf, c: deaf })
    assert.deepEqual([next?.step, next?.epoch], ['turning', 5])
  }
  const once = after({ b: deaf, c: deaf }, steady, 10) as Home
  assert.equal(
    after({ b: replica, c: deaf }, once, 16)?.troubleSinceMs,
    undefined,
    'it was there again in time',
  )
})

test('the furthest comes next, once enough have turned; one that was asked for only if it is as far', () => {
  const turning: Home = { ...steady, epoch: 5, step: 'turning' }
  assert.equal(after({ b: turnedAt('900') }, turning, 20)?.step, 'turning')
  assert.equal(after({ b: turnedAt('900'), c: turnedAt('1000') }, turning, 20)?.cluster, 'c')
  assert.equal(
    after({ b: turnedAt('900'), c: deaf }, turning, 20)?.step,
    'turning',
    'who has not turned has no vote',
  )
  const planned = { ...turning, isPlanned: true, to: 'b' }
  assert.equal(
    after({ b: turnedAt('900'), c: turnedAt('900') }, planned, 1)?.step,
    'turning',
    'the old one ends first',
  )
  const all = { a: turnedAt('900'), b: turnedAt('900'), c: turnedAt('900') }
  assert.equal(after(all, planned, 1)?.cluster, 'b')
  assert.equal(after({ ...all, a: turnedAt('901') }, planned, 1)?.cluster, 'a')
})

test('a planned move waits for whoever it goes to, rather than go to another that is heard first', () => {
  const planned: Home = { ...steady, epoch: 5, step: 'turning', isPlanned: true, to: 'b' }
  const first = { a: turnedAt('900'), c: turnedAt('900') }
  assert.equal(after(first, planned, 1)?.step, 'turning')
  assert.equal(after({ ...first, b: turnedAt('900') }, planned, 2)?.cluster, 'b')
  assert.equal(after(first, planned, 16)?.cluster, 'c', 'not for ever')
})

test('a hub that was put back into the middle of a turn begins another: who follows in that one votes no more', () => {
  const turning: Home = { ...steady, epoch: 5, step: 'turning' }
  const follows: KeptState = { ...replica, epoch: 5, primary: 'b' }
  const next = after({ a: follows, b: turnedAt('900') }, turning, 1)
  assert.deepEqual([next?.step, next?.epoch], ['turning', 6])
})

test('a hub that remembers less than the servers begins a turn after theirs', () => {
  const next = after({ a: { ...primary, epoch: 9 }, b: { ...replica, epoch: 9 } }, steady, 1)
  assert.deepEqual([next?.step, next?.epoch], ['turning', 10])
  assert.equal(
    decideHome({ ...spec, wanted: 'b' }, seen({ a: { ...primary, epoch: 9 } }), undefined, 0).home?.epoch,
    10,
  )
})

test('a database begins nowhere while somebody may have one, and is moved nowhere that it is not followed', () => {
  const first = (states: Record<string, KeptState>) =>
    decideHome({ ...spec, wanted: 'a' }, seen(states), undefined, 0).home
  assert.equal(first({ a: untold, b: untold }), undefined, 'one has not answered')
  assert.equal(first({ a: untold, b: { ...untold, hasData: true }, c: untold }), undefined)
  assert.equal(first({ a: { ...untold, hasData: true }, b: untold, c: untold })?.cluster, 'a')
  const wanted = { ...spec, wanted: 'b' }
  assert.equal(after({ a: primary, b: deaf, c: replica }, steady, 1, wanted)?.step, 'steady')
  assert.equal(after({ a: primary, b: replica, c: replica }, steady, 1, wanted)?.to, 'b')
})

test('a cluster that tells of turns that nobody can have had, or makes no sense, is one that does not answer', () => {
  const lying = { ...replica, epoch: 900_000 }
  assert.equal(after({ a: primary, b: replica, c: lying }, steady, 1)?.step, 'steady')
  assert.equal(later({ a: primary, b: lying, c: lying })?.step, 'steady')
  assert.deepEqual(readKeptState(replica), replica)
  const strange = [{ epoch: 1e300 }, { position: { epoch: 1, lsn: 'x' } }, { isRunning: 'yes' }]
  const nonsense: unknown[] = [null, 'well', {}, ...strange.map((each) => ({ ...replica, ...each }))]
  for (const each of nonsense) assert.equal(readKeptState(each), undefined)
})
