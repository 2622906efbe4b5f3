/** One way of doing the work: `call` reserves one copy and resolves when that is durable. */
export type Contestant = AsyncDisposable & { name: string; call(): Promise<void> }

export type Figures = { perSecond: number; p50Ms: number; p99Ms: number; p999Ms: number }

/** Keeps `callers` calls in flight for `seconds`; each caller makes its next call when its last one is answered. */
export async function measure(call: () => Promise<void>, callers: number, seconds: number): Promise<Figures> {
  const waits: number[] = []
  const start = performance.now()
  const end = start + seconds * 1000
  const loop = async () => {
    for (let now = performance.now(); now < end; ) {
      await call()
      const done = performance.now()
      waits.push(done - now)
      now = done
    }
  }
  await Promise.all(Array.from({ length: callers }, loop))
  return figuresOf(waits, performance.now() - start)
}

/** @param waits how long each call took, in ms, in any order */
export function figuresOf(waits: readonly number[], elapsedMs: number): Figures {
  const sorted = [...waits].sort((a, b) => a - b)
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
  return { perSecond: (sorted.length / elapsedMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) }
}

export const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** Medians of figures, each by itself. */
export function medians(rounds: readonly Figures[]): Figures {
  const of = (name: keyof Figures) => median(rounds.map((round) => round[name]))
  return { perSecond: of('perSecond'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms'), p999Ms: of('p999Ms') }
}

/** A table with its columns aligned: text to the left, numbers to the right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  console.log(line(head))
  console.log(widths.map((width) => '-'.repeat(width)).join('  '))
  for (const row of rows) console.log(line(row))
}

export const round = (value: number) => Math.round(value).toLocaleString('en')
export const ms = (value: number) => `${value.toFixed(1)} ms`
export const ratio = (value: number) => (value >= 10 ? value.toFixed(0) : value.toFixed(2))
