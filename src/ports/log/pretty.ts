/** Where a person reads along: time of day, level unless it is `info`, the sentence, then what it is about. */
export function prettyLine(line: Readonly<Record<string, unknown>>): string {
  const {
    level,
    time,
    role: _role,
    instance: _instance,
    traceId: _traceId,
    part,
    message,
    error,
    ...fields
  } = line
  const about = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`)
  const head = [
    String(time ?? '').slice(11, 19),
    level === 'info' ? '' : level,
    part === undefined ? '' : `${part}:`,
    message,
    ...about,
  ].filter(Boolean)
  return `${head.join(' ')}${error === undefined ? '' : errorText(error)}\n`
}

function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return `: ${error}`
  const { message, stack, cause } = error as { message?: string; stack?: string; cause?: unknown }
  const first = stack === undefined ? `: ${message}` : `:\n${stack}`
  return cause === undefined ? first : `${first} (because${errorText(cause)})`
}

const shown = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value))
