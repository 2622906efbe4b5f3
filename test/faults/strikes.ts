import { setTimeout as sleep } from 'node:timers/promises'
import { type FaultPoint, faultPoints } from '#kernel/fault-point'
import { type FaultyStore, thaw } from './faulty-store.ts'

export type Strike = {
  /** A part's name, or a named moment. */
  what: string
  how: 'kill' | 'freeze'
}

export type Strikes = { done: Strike[]; kills: number; lastMs: number }

export type StrikeOptions = {
  /** Ends when so many kills have struck, or at this moment. */
  killsMax: number
  untilMs?: number
  pauseMs: number
  random?: () => number
  onStrike?: (strikes: Strikes) => void
}

/** Databases, catalog, orders and coordinators; the rest of the store is not what is tested here. */
const targets = /^(coordinator|catalog|orders)\.|-db(\.\d+)?$/
const freezeMsMax = 4_000
const pointLimitMs = 3_000
/** What is struck more often is restarted ever later, and is away instead of dying. */
const restMs = 11_000

/** Kills and freezes parts of the store at random moments and at named ones, one after the other. */
export async function strike(store: FaultyStore, options: StrikeOptions): Promise<Strikes> {
  const { random = Math.random } = options
  const strikes: Strikes = { done: [], kills: 0, lastMs: performance.now() }
  const struckAt = new Map<string, number>()
  while (
    strikes.kills < options.killsMax &&
    performance.now() < (options.untilMs ?? Number.POSITIVE_INFINITY)
  ) {
    const how = random() < 0.75 ? 'kill' : 'freeze'
    const what =
      random() < 0.5 ? await atPoint(store, how, random) : await atRandom(store, how, struckAt, random)
    if (what !== undefined) {
      strikes.done.push({ what, how })
      if (how === 'kill') strikes.kills++
      strikes.lastMs = performance.now()
      options.onStrike?.(strikes)
    }
    await sleep(options.pauseMs * (0.5 + random()))
  }
  return strikes
}

async function atRandom(
  store: FaultyStore,
  how: Strike['how'],
  struckAt: Map<string, number>,
  random: () => number,
): Promise<string | undefined> {
  const rested = store
    .names()
    .filter((name) => targets.test(name) && performance.now() - (struckAt.get(name) ?? -restMs) >= restMs)
  const name = rested[Math.floor(random() * rested.length)]
  if (name === undefined) return undefined
  struckAt.set(name, performance.now())
  const isStruck = how === 'kill' ? store.kill(name) : await store.freeze(name, random() * freezeMsMax)
  return isStruck ? name : undefined
}

async function atPoint(
  store: FaultyStore,
  how: Strike['how'],
  random: () => number,
): Promise<string | undefined> {
  const point = faultPoints[Math.floor(random() * faultPoints.length)] as FaultPoint
  const pid = await store.arm(point, how).struck(pointLimitMs)
  if (pid === undefined) return undefined
  if (how === 'freeze') {
    await sleep(random() * freezeMsMax)
    thaw(pid)
  }
  return point
}

/** How often what was struck how, as lines of a table. */
export function strikeTable({ done }: Strikes): string[] {
  const counts = new Map<string, { kill: number; freeze: number }>()
  for (const { what, how } of done) {
    const count = counts.get(what) ?? { kill: 0, freeze: 0 }
    count[how]++
    counts.set(what, count)
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([what, { kill, freeze }]) =>
        `${what.padEnd(28)}${String(kill).padStart(6)}${String(freeze).padStart(8)}`,
    )
}
