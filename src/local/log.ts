/** Writes the lines of many processes to one terminal, each with its name, and in its colour where there are any. */
export type Log = {
  /** A line of Octavo itself, for the person at the terminal. */
  say(text: string): void
  /** A line that the named process wrote, or that is about it. */
  line(name: string, text: string): void
}

const colours = [36, 33, 35, 32, 34, 96, 93, 95, 92, 94]
const lineCharactersMax = 4000

/**
 * @param names of the processes, to align their lines
 * @param withColour see `wantsColour`
 */
export function openLog(write: (text: string) => void, names: readonly string[], withColour: boolean): Log {
  const width = Math.max(0, ...names.map((name) => name.length))
  // Instances of one role share its colour.
  const roles = [...new Set(names.map(roleOf))]
  const colour = (name: string) => colours[Math.max(0, roles.indexOf(roleOf(name))) % colours.length]
  return {
    say: (text) => write(`${text}\n`),
    line(name, text) {
      const label = `${name.padEnd(width)} |`
      const cut = text.length > lineCharactersMax ? `${text.slice(0, lineCharactersMax)}…` : text
      write(`${withColour ? `\u001b[${colour(name)}m${label}\u001b[0m` : label} ${cut}\n`)
    },
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
