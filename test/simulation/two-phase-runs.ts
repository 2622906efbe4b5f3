import { allot as realAllot } from '../../src/services/catalog/stock/allot.ts'
import { violations } from './check.ts'
import { createSchedule } from './schedule.ts'
import type { Breakage } from './store.ts'
import { runAll } from './world.ts'

/** Worlds that share a turn of the event loop: few enough for the processor's caches. */
const atOnce = 16

/** The last line of defence is out as well, or it would hide what is missing before it. */
const withoutStockCheck = true
/** Builds with one safeguard taken out, and what the checks must say of each. */
export const controls: Record<string, { broken: Breakage; shows: RegExp }> = {
  'recovery that leaves no fence behind': {
    broken: { withoutFence: true },
    shows: /but orders hold|but orders have/,
  },
  'an answer before the decision is durable': { broken: { answersEarly: true }, shows: /which is not there/ },
  'a sale that does not look at the stock': {
    broken: { allot: sellAnything, withoutStockCheck },
    shows: /oversold/,
  },
  'a title that is taken to be as it was left': {
    broken: { withoutLeftCheck: true, withoutStockCheck },
    shows: /oversold/,
  },
  'keys that may be used twice': { broken: { withoutUniqueKey: true }, shows: /orders under one key/ },
  'recovery that commits without a decision': { broken: { recoversBlindly: true }, shows: /but orders hold/ },
}
export type Failure = { seed: number; found: string[] }

/**
 * Runs schedules until one breaks a rule.
 * @param control the name of a broken build; without it, the store as it is
 */
export async function firstFailure(
  first: number,
  count: number,
  control?: string,
): Promise<Failure | undefined> {
  const { broken, shows } = controls[control ?? ''] ?? { broken: {}, shows: /./ }
  for (let done = 0; done < count; done += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, count - done) }, (_, i) =>
      createSchedule(first + done + i, broken),
    )
    await runAll(batch.map((schedule) => schedule.world))
    for (const schedule of batch) {
      const found = violations(schedule)
      if (found.some((text) => shows.test(text))) return { seed: schedule.world.seed, found }
    }
  }
  return undefined
}

/** `allot` without its checks. */
function sellAnything(...[titles, requests, nowMs]: Parameters<NonNullable<Breakage['allot']>>) {
  const plenty = new Map([...titles].map(([isbn, title]) => [isbn, { ...title, copies: 1e6 }]))
  return realAllot(plenty, requests, nowMs)
}
