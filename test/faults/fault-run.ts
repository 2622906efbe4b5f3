import { setTimeout as sleep } from 'node:timers/promises'
import { type Clients, startClients, type Wanted } from './clients.ts'
import type { FaultyStore } from './faulty-store.ts'
import { checkHistory, inDoubt, type Verdict } from './history.ts'
import { type Strikes, strike } from './strikes.ts'
import { addTitles } from './titles.ts'

export type FaultRunOptions = {
  killsMax: number
  /** The faults end after this long, whatever was killed. */
  limitMs?: number
  /** Goes on ordering after the last fault until so many orders are acknowledged. */
  acknowledgedMin?: number
  clients: number
  clientPauseMs: number
  strikePauseMs: number
  copies: readonly number[]
  onStrike?: (strikes: Strikes, clients: Clients) => void
}

export type FaultRun = Verdict & {
  strikes: Strikes
  history: readonly Wanted[]
  /** Transactions in doubt for more than ten seconds, ten seconds after the last fault. */
  inDoubt: number
  /** The longest that no order at all was acknowledged, in ms. */
  longestGapMs: number
}

/** Nothing may be in doubt for longer. */
export const doubtLimitMs = 10_000
const stillMs = 5_000

/** Orders and faults at the same time, then the reckoning. */
export async function runFaults(store: FaultyStore, options: FaultRunOptions): Promise<FaultRun> {
  const isbns = await addTitles(store, options.copies)
  const clients = startClients({
    url: store.url,
    count: options.clients,
    isbns,
    pauseMs: options.clientPauseMs,
  })
  const strikes = await strike(store, {
    killsMax: options.killsMax,
    pauseMs: options.strikePauseMs,
    ...(options.limitMs !== undefined && { untilMs: performance.now() + options.limitMs }),
    onStrike: (now) => options.onStrike?.(now, clients),
  })
  while (clients.acknowledged() < (options.acknowledgedMin ?? 0)) await sleep(200)
  await clients.finish()
  const left = strikes.lastMs + doubtLimitMs - performance.now()
  if (left > 0) await sleep(left)
  const inDoubtThen = await inDoubt(store.secrets, doubtLimitMs)
  // Payments, refunds and expiries that were on their way.
  await sleep(stillMs)
  const verdict = await checkHistory(clients.history, store.secrets)
  const gap = Math.max(0, ...gapsMs(clients.history))
  return { ...verdict, strikes, history: clients.history, inDoubt: inDoubtThen, longestGapMs: gap }
}

/** The times between one acknowledged order and the next, in ms. */
export function gapsMs(history: readonly Wanted[]): number[] {
  const at = history
    .flatMap(({ attempts }) =>
      attempts.filter(({ status }) => status === 201).map((one) => one.atMs + one.tookMs),
    )
    .sort((a, b) => a - b)
  return at.slice(1).map((ms, i) => ms - (at[i] ?? ms))
}
