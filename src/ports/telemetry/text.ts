import type { Distribution, Family, Point } from './family.ts'

export const textType = 'text/plain; version=0.0.4'

/** Source: Prometheus text format 0.0.4. */
export function textOf(families: Iterable<Family>): string {
  return [...families].map(familyText).join('')
}

function familyText({ name, help, type, points }: Family): string {
  const lines = points().flatMap((point) => linesOf(name, point))
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}

function linesOf(name: string, { labels, values, value }: Point): string[] {
  return typeof value === 'number'
    ? [sampleLine(name, labels, values, value)]
    : histogramLines(name, labels, values, value)
}

function histogramLines(
  name: string,
  labels: readonly string[],
  values: readonly string[],
  { limits, counts, count, sum }: Distribution,
): string[] {
  const within = [...labels, 'le']
  let below = 0
  const steps = limits.map((limit, i) => {
    below += counts[i] ?? 0
    return sampleLine(`${name}_bucket`, within, [...values, String(limit)], below)
  })
  return [
    ...steps,
    sampleLine(`${name}_bucket`, within, [...values, '+Inf'], count),
    sampleLine(`${name}_sum`, labels, values, sum),
    sampleLine(`${name}_count`, labels, values, count),
  ]
}

function sampleLine(
  name: string,
  labels: readonly string[],
  values: readonly string[],
  value: number,
): string {
  const shown = labels.map((label, i) => `${label}="${escaped(values[i] ?? '')}"`)
  return `${name}${shown.length === 0 ? '' : `{${shown.join(',')}}`} ${numberText(value)}`
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}

const special = /[\\"\n]/g
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }
const escaped = (text: string) => text.replace(special, (each) => escapes[each] ?? each)
