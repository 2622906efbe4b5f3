/** Everything of one name: what it is, and its lines as they are now. */
export type Family = {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
  lines: () => string[]
  readers?: Set<() => string[]>
}

/** Source: Prometheus text format 0.0.4. */
export function sampleLine(
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
