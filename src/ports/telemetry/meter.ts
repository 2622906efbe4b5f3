import { createDistribution, type Distribution, type Family, observeIn, type Point } from './family.ts'
import { textOf } from './text.ts'

/**
 * Numbers that one part of the program keeps for `/metrics`. Asking for a name again gives the instrument that is there.
 * Labels are few and known: what a reader sends is never one.
 */
export type Meter = {
  counter(name: string, help: string, labels?: readonly string[]): Counter
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram
  gauge(name: string, help: string, labels?: readonly string[]): Gauge
  /** A gauge, or a counter by its name, that is read when somebody looks, until it is disposed. */
  observed(name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): Disposable
  /** What there is to show, as it is now. */
  families(): Iterable<Family>
  /** In the Prometheus text format 0.0.4. */
  text(): string
}

/** Values of labels come in the order of their names. */
export type Counter = { add(n: number, ...values: string[]): void }
export type Histogram = {
  observe(value: number, ...values: string[]): void
  /** For one series that is observed again and again: finds it once. */
  observer(...values: string[]): (value: number) => void
}
export type Gauge = {
  set(value: number, ...values: string[]): void
  /** Forgets every value: what is not known any more is not shown. */
  clear(): void
}
export type Sample = readonly [value: number, ...labels: string[]]

/** Series of one name; whatever comes after is counted together, as `other`. */
export const seriesMax = 1_000

/** From half a millisecond to ten seconds. */
export const secondsBuckets: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export function createMeter(): Meter {
  const families = new Map<string, Family & { instrument?: unknown; readers?: Set<() => Point[]> }>()
  const instrument = <I>(name: string, make: () => { instrument: I; family: Family }): I => {
    const found = families.get(name)
    if (found?.instrument !== undefined) return found.instrument as I
    const made = make()
    families.set(name, { ...made.family, instrument: made.instrument })
    return made.instrument
  }
  return {
    counter: (name, help, labels = []) => instrument(name, () => counter(name, help, labels)),
    histogram: (name, help, buckets, labels = []) =>
      instrument(name, () => histogram(name, help, buckets, labels)),
    gauge: (name, help, labels = []) => instrument(name, () => gauge(name, help, labels)),
    observed(name, help, labels, read) {
      const family = families.get(name) ?? {
        name,
        help,
        type: typeOf(name),
        readers: new Set(),
        points: () => [],
      }
      const readers = family.readers ?? new Set()
      const reader = () => [...read()].map(([value, ...values]): Point => ({ labels, values, value }))
      readers.add(reader)
      families.set(name, { ...family, readers, points: () => [...readers].flatMap((each) => each()) })
      return {
        [Symbol.dispose]: () => {
          readers.delete(reader)
        },
      }
    },
    families: () => families.values(),
    text: () => textOf(families.values()),
  }
}

const typeOf = (name: string) => (name.endsWith('_total') ? ('counter' as const) : ('gauge' as const))

/**
 * The series of one name by the values of its labels, in a tree of maps with one level for each label: looking one up
 * makes no key, because every request looks up some.
 */
function createSeries<T>(labels: readonly string[], begin: () => T) {
  type Level = Map<string, Level | T>
  const root: Level = new Map()
  const depth = labels.length
  let all: { values: readonly string[]; state: T }[] = []
  let alone: T | undefined
  const find = (values: readonly string[]): T | undefined => {
    if (depth === 0) return alone
    let at: Level | T | undefined = root
    for (let i = 0; i < depth && at !== undefined; i++) at = (at as Level).get(values[i] ?? '')
    return at as T | undefined
  }
  const add = (values: readonly string[]): T => {
    const state = begin()
    all.push({ values: labels.map((_, i) => values[i] ?? ''), state })
    if (depth === 0) {
      alone = state
      return state
    }
    let at = root
    for (let i = 0; i < depth - 1; i++) {
      const value = values[i] ?? ''
      const next = (at.get(value) as Level | undefined) ?? new Map()
      at.set(value, next)
      at = next
    }
    at.set(values[depth - 1] ?? '', state)
    return state
  }
  return {
    points: (shown: (state: T) => number | Distribution): Point[] =>
      all.map(({ values, state }) => ({ labels, values, value: shown(state) })),
    clear() {
      root.clear()
      all = []
      alone = undefined
    },
    of(values: readonly string[]): T {
      const found = find(values)
      if (found !== undefined) return found
      if (all.length < seriesMax) return add(values)
      const others = labels.map(() => 'other')
      return find(others) ?? add(others)
    },
  }
}

function counter(name: string, help: string, labels: readonly string[]) {
  const series = createSeries(labels, () => ({ n: 0 }))
  // What has not happened yet is nought, so that its first time is seen as an increase.
  if (labels.length === 0) series.of([])
  const instrument: Counter = {
    add(n, ...values) {
      series.of(values).n += n
    },
  }
  const points = () => series.points(({ n }) => n)
  return { instrument, family: { name, help, type: 'counter' as const, points } }
}

function gauge(name: string, help: string, labels: readonly string[]) {
  const series = createSeries(labels, () => ({ n: 0 }))
  const instrument: Gauge = {
    set(value, ...values) {
      series.of(values).n = value
    },
    clear: series.clear,
  }
  const points = () => series.points(({ n }) => n)
  return { instrument, family: { name, help, type: 'gauge' as const, points } }
}

function histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[]) {
  const series = createSeries(labels, () => createDistribution(buckets))
  if (labels.length === 0) series.of([])
  const instrument: Histogram = {
    observe: (value, ...values) => observeIn(series.of(values), value),
    observer(...values) {
      const state = series.of(values)
      return (value) => observeIn(state, value)
    },
  }
  const points = () => series.points((distribution) => distribution)
  return { instrument, family: { name, help, type: 'histogram' as const, points } }
}
