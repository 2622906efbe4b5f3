import pino from 'pino'
import { prettyLine } from './pretty.ts'
import { withoutSecrets } from './without-secrets.ts'

export { prettyLine } from './pretty.ts'
export { neverLog } from './without-secrets.ts'

/** What happened, for whoever runs the store: a sentence, and what it is about as fields. */
export type Log = {
  /** For looking into one thing closely. */
  debug(text: string, fields?: LogFields): void
  /** What an operator wants to have read: seldom, never once per request or order. */
  info(text: string, fields?: LogFields): void
  /** Something is not as it should be, and is made up for. */
  warn(text: string, fields?: LogFields): void
  /** Something was not done that should have been. */
  error(text: string, fields?: LogFields): void
}

export type LogFields = {
  error?: unknown
  requestId?: string
  orderId?: string
  transactionId?: string
  [name: string]: unknown
}

export type LogOptions = {
  level: string
  format: 'json' | 'pretty'
  /** On every line: `role`, `instance`. */
  fields: Readonly<Record<string, string>>
  write(line: string): void
}

/** Until a process says otherwise: what went wrong, for the person at the terminal. */
let root = rootLogger({
  level: 'warn',
  format: 'pretty',
  fields: {},
  write: (line) => void process.stderr.write(line),
})
let generation = 0
let debugs = false

/** Whether lines of level `debug` are written at all: ask before making what only they need. */
export const isDebugging = () => debugs

/** Says how this process logs; loggers that are there already follow. */
export function openLog(options: LogOptions): void {
  root = rootLogger(options)
  debugs = root.isLevelEnabled('debug')
  generation++
}

/** @param part of the program that speaks, such as `broker` */
export function logger(part: string): Log {
  let child = root.child({ part })
  let childOf = generation
  const current = () => {
    if (childOf !== generation) {
      child = root.child({ part })
      childOf = generation
    }
    return child
  }
  return {
    debug: (text, fields) => current().debug(fields ?? {}, text),
    info: (text, fields) => current().info(fields ?? {}, text),
    warn: (text, fields) => current().warn(fields ?? {}, text),
    error: (text, fields) => current().error(fields ?? {}, text),
  }
}

function rootLogger({ level, format, fields, write }: LogOptions): pino.Logger {
  return pino(
    {
      level,
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      serializers: { error: describeError },
    },
    {
      write: (line) => {
        const shown = traceable(withoutSecrets(JSON.parse(line)) as Record<string, unknown>)
        write(format === 'pretty' ? prettyLine(shown) : `${JSON.stringify(shown)}\n`)
      },
    },
  )
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** An order or transaction is a trace of its own, whose id is theirs without the hyphens. */
function traceable(line: Record<string, unknown>): Record<string, unknown> {
  const about = line.orderId ?? line.transactionId
  if (typeof about !== 'string' || !uuid.test(about)) return line
  return { ...line, traceId: about.replaceAll('-', '').toLowerCase() }
}

const causesMax = 5

/** Name, message and stack, with what caused it. Nothing else of an error is known to be fit for a log. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return String(error)
  const { name, message, cause } = error
  const code = (error as NodeJS.ErrnoException).code
  return {
    name,
    message,
    ...(typeof code === 'string' && { code }),
    // Where it was thrown tells something of a bug, and nothing of a server that is away.
    ...(isBug(error) && { stack: error.stack }),
    ...(cause !== undefined && depth < causesMax && { cause: describeError(cause, depth + 1) }),
  }
}

function isBug({ name, ...rest }: Error): boolean {
  if ('code' in rest && typeof rest.code === 'string') return false
  return ['Error', 'TypeError', 'ReferenceError', 'AssertionError', 'RangeError', 'SyntaxError'].includes(
    name,
  )
}
