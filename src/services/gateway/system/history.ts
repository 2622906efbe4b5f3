import type { Clock } from '#ports/clock'
import type { System } from '../contract.ts'

/** Sums since the start, of which each sample is the difference. */
export type Totals = { requests: number; faults: number; seconds: number; reroutes: number }

export type History = Disposable & { samples(): System['history'] }

const sampleEveryMs = 10_000
const samplesMax = 360

/** Keeps an hour of numbers in this process: enough to see what happened just now without any other program. */
export function keepHistory(clock: Clock, totals: () => Totals, openCircuits: () => number): History {
  const samples: System['history'] = []
  let before = totals()
  let beforeMs = clock.monotonicMs()
  const sample = () => {
    const [now, nowMs] = [totals(), clock.monotonicMs()]
    const seconds = Math.max(0.001, (nowMs - beforeMs) / 1_000)
    const requests = now.requests - before.requests
    samples.push({
      at: new Date(clock.now()).toISOString(),
      requestsPerSecond: rounded(requests / seconds),
      faultsPerSecond: rounded((now.faults - before.faults) / seconds),
      averageMs: rounded(requests === 0 ? 0 : ((now.seconds - before.seconds) * 1_000) / requests),
      reroutes: now.reroutes - before.reroutes,
      openCircuits: openCircuits(),
    })
    if (samples.length > samplesMax) samples.shift()
    before = now
    beforeMs = nowMs
  }
  const sampling = setInterval(sample, sampleEveryMs)
  sampling.unref()
  return { samples: () => samples, [Symbol.dispose]: () => clearInterval(sampling) }
}

const rounded = (n: number) => Math.round(n * 100) / 100
