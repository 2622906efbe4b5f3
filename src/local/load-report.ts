import type { Answered, Kind, Run } from './load-readers.ts'

const kinds: readonly Kind[] = ['browse', 'search', 'book', 'reserve', 'pay', 'check']

export type Line = {
  kind: Kind
  requests: number
  p50: number
  p95: number
  p99: number
  max: number
  statuses: string
}

/** What a run came to, a line for each kind of request; times in ms. */
export function reportOf({ answers }: Run): Line[] {
  return kinds.flatMap((kind) => {
    const of = answers.filter((each) => each.kind === kind)
    if (of.length === 0) return []
    const took = of.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
    return [{ kind, requests: of.length, ...percentiles(took), statuses: statusesOf(of) }]
  })
}

/** @param sorted ascending and not empty */
export function percentiles(sorted: readonly number[]) {
  // The nearest rank: the smallest that so many are no larger than.
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

function statusesOf(answers: readonly Answered[]): string {
  const counts = [...Map.groupBy(answers, ({ status }) => status)].sort(([a], [b]) => a - b)
  return counts.map(([status, of]) => `${status === 0 ? 'none' : status}: ${of.length}`).join(', ')
}

const rounded = (ms: number) => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)))

export function reportText(run: Run): string {
  const rows = [
    ['', 'requests', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'statuses'],
    ...reportOf(run).map((line) => cellsOf(line)),
  ]
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row.map((cell, i) =>
        i === 0 || i === 6 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      ),
    )
    .map((row) => row.join('  ').trimEnd())
    .join('\n')
}

const cellsOf = ({ kind, requests, p50, p95, p99, max, statuses }: Line): string[] => [
  kind,
  String(requests),
  ...[p50, p95, p99, max].map(rounded),
  statuses,
]

const [width, height, margin] = [900, 260, 40]

/** The same as a page that needs nothing else: requests a second, and how long reserving took over time. */
export function reportPage(run: Run, title: string): string {
  const reserves = run.answers.filter(({ kind }) => kind === 'reserve')
  const seconds = Math.max(1, Math.ceil(greatest(reserves.map(({ atMs }) => atMs)) / 1000))
  const inSecond = Map.groupBy(reserves, ({ atMs }) => Math.floor(atMs / 1000))
  const perSecond = Array.from({ length: seconds }, (_, s) => inSecond.get(s) ?? [])
  const most = Math.max(1, greatest(perSecond.map((each) => each.length)))
  const slowest = Math.max(1, greatest(reserves.map(({ tookMs }) => tookMs)))
  const step = (width - 2 * margin) / seconds
  const bars = perSecond.map((each, s) =>
    bar(
      margin + s * step,
      step - 2,
      (each.length / most) * (height - 2 * margin),
      `${each.length} in second ${s + 1}`,
    ),
  )
  const dots = reserves.map(({ atMs, tookMs, status }) => {
    const x = margin + (atMs / 1000) * step
    const y = height - margin - (tookMs / slowest) * (height - 2 * margin)
    const colour = status === 201 || status === 200 ? '#2b6cb0' : status === 409 ? '#b7791f' : '#c53030'
    return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2" fill="${colour}"/>`
  })
  const rows = reportOf(run).map(
    (line) =>
      `<tr>${cellsOf(line)
        .map((cell) => `<td>${cell}</td>`)
        .join('')}</tr>`,
  )
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>body{font:16px system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}td,th{padding:.2rem .8rem;text-align:right}td:last-child{text-align:left}svg{width:100%}text{fill:currentColor;font-size:12px}</style>
<h1>${title}</h1>
<table><tr><th></th><th>requests</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>max ms</th><th>statuses</th></tr>${rows.join('')}</table>
<h2>Reservations asked for in each second, ${most} at most</h2>${svg(bars, seconds, step)}
<h2>How long each took, ${rounded(slowest)} ms at most: blue is reserved, brown refused, red neither</h2>${svg(dots, seconds, step)}
</html>
`
}

/** Of more numbers than a function can be called with. */
const greatest = (numbers: readonly number[]) => numbers.reduce((most, n) => Math.max(most, n), 0)

const bar = (x: number, wide: number, high: number, label: string) =>
  `<rect x="${x.toFixed(1)}" y="${(height - margin - high).toFixed(1)}" width="${Math.max(1, wide).toFixed(1)}" height="${high.toFixed(1)}" fill="#2b6cb0"><title>${label}</title></rect>`

function svg(marks: readonly string[], seconds: number, step: number): string {
  const every = Math.ceil(seconds / 15)
  const ticks = Array.from({ length: Math.floor(seconds / every) + 1 }, (_, i) => i * every)
  const axis = ticks.map((s) => `<text x="${margin + s * step}" y="${height - margin + 18}">${s} s</text>`)
  return `<svg viewBox="0 0 ${width} ${height}" role="img">${marks.join('')}${axis.join('')}</svg>`
}
