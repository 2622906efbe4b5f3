/** How fast an instance answers: a moving average, and how many answers it is made of. */
export type Latency = { averageMs: number; samples: number }

export type OutlierLimits = {
  /** An average of fewer answers says nothing. */
  samplesMin: number
  /** So many times its peers' middle, and so much more at least. */
  factor: number
  marginMs: number
  /** The weight of the newest answer. */
  weight: number
}

const outlierLimits: OutlierLimits = { samplesMin: 10, factor: 3, marginMs: 100, weight: 0.1 }

export const noLatency: Latency = { averageMs: 0, samples: 0 }

/** Once there is an average, a few answers that took very long cannot carry it away: requests differ. */
export function withSample(
  { averageMs, samples }: Latency,
  ms: number,
  { weight, samplesMin, marginMs } = outlierLimits,
): Latency {
  const counted = samples < samplesMin ? ms : Math.min(ms, 2 * averageMs + marginMs)
  const share = Math.max(weight, 1 / (samples + 1))
  return { averageMs: averageMs + (counted - averageMs) * share, samples: samples + 1 }
}

/**
 * Whether so long is far longer than its peers take.
 * @param peers those of them whose average says something count
 */
export function isFarSlower(ms: number, peers: readonly Latency[], limits = outlierLimits): boolean {
  const averages = peers
    .filter(({ samples }) => samples >= limits.samplesMin)
    .map(({ averageMs }) => averageMs)
    .sort((a, b) => a - b)
  const middle = averages[Math.floor((averages.length - 1) / 2)]
  return middle !== undefined && ms > middle * limits.factor && ms > middle + limits.marginMs
}

/**
 * The instances whose latency has left their peers', slowest first; never more than half of all, those that are out
 * already included.
 * @param latencies of the instances that take part
 * @param out how many more there are that do not
 */
export function outliers(
  latencies: readonly Latency[],
  out: number,
  limits = outlierLimits,
): readonly number[] {
  const outMax = Math.floor((latencies.length + out) / 2) - out
  if (outMax <= 0) return []
  const measured = latencies
    .map(({ averageMs, samples }, index) => ({ averageMs, samples, index }))
    .filter(({ samples }) => samples >= limits.samplesMin)
  const isOut = (one: (typeof measured)[number]) =>
    isFarSlower(
      one.averageMs,
      measured.filter((each) => each !== one),
      limits,
    )
  return measured
    .filter(isOut)
    .sort((a, b) => b.averageMs - a.averageMs)
    .slice(0, outMax)
    .map(({ index }) => index)
}
