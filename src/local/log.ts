import { prettyLine } from '#ports/log'

/** Writes the lines of many processes to one terminal, each with its name, and in its colour where there are any. */
export type Log = {
  /** A line of Octavo itself, for the person at the terminal. */
  say(text: string): void
  /** A line that the named process wrote, or that is about it. */
  line(name: string, text: string): void
}

export type LogOptions = {
  /** Whether lines that are JSON are shown as people read them. */
  isPretty: boolean
  /** Takes each line as JSON, to be looked for later. */
  keep(line: string): void
}

const colours = [36, 33, 35, 32, 34, 96, 93, 95, 92, 94]
const lineCharactersMax = 4000

/**
 * @param names of the processes, to align their lines
 * @param withColour see `wantsColour`
 */
export function openLog(
  write: (text: string) => void,
  names: readonly string[],
  withColour: boolean,
  { isPretty, keep }: LogOptions = { isPretty: true, keep: () => {} },
): Log {
  const width = Math.max(0, ...names.map((name) => name.length))
  // Instances of one role share its colour.
  const roles = [...new Set(names.map(roleOf))]
  const colour = (name: string) => colours[Math.max(0, roles.indexOf(roleOf(name))) % colours.length]
  return {
    say: (text) => write(`${text}\n`),
    line(name, text) {
      const label = `${name.padEnd(width)} |`
      const record = recordOf(text)
      const process = JSON.stringify(name)
      if (record !== undefined) keep(`{"process":${process},${text.slice(1)}`)
      else keep(JSON.stringify({ process: name, time: new Date().toISOString(), message: text }))
      const shown = record !== undefined && isPretty ? prettyLine(record).trimEnd() : text
      const cut = shown.length > lineCharactersMax ? `${shown.slice(0, lineCharactersMax)}…` : shown
      write(`${withColour ? `\u001b[${colour(name)}m${label}\u001b[0m` : label} ${cut}\n`)
    },
  }
}

/** A line of a role's log, as opposed to what a program without one says. */
function recordOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{"level":')) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    // A process that was killed may leave half a line: it is shown as it is.
    return undefined
  }
}

/** Colour is for people at a terminal who did not refuse it. Source: no-color.org. */
export function wantsColour(
  stream: { isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
}

/** Cuts what a stream says into lines; the last one needs no line end. */
export function eachLine(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
  stream?.on('end', () => rest !== '' && take(rest))
}

function roleOf(name: string): string {
  return name.replace(/\.\d+$/, '')
}
