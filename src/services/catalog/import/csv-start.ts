import { aliases } from './column-names.ts'
import { plain } from './columns.ts'
import type { FileText } from './file-text.ts'

/** The text of a CSV file from its header on, what lies between its values, and what ends its records. */
export type CsvStart = {
  pieces: AsyncIterable<string>
  delimiter: string
  lineEnds: string[]
  linesSkipped: number
}

/** How much is looked at to find the first line: more than a header with a thousand columns takes. */
const startCharactersMax = 128 * 1024

/** Leaves out what may stand above the header: empty lines, and the `sep=;` by which Excel is told the delimiter. */
export async function csvStart(text: FileText): Promise<CsvStart> {
  const pieces = text[Symbol.asyncIterator]()
  let head = ''
  let isWhole = false
  while (head.length < startCharactersMax && !isWhole) {
    const piece = await pieces.next()
    if (piece.done === true) isWhole = true
    else head += piece.value
    if (linesIn(head) > linesLookedAt) break
  }
  head = head.replace(/^\ufeff/, '')
  const above =
    /^(?:[ \t]*(?:\r\n|\r|\n))*(?:"?sep=(?<sep>[^\r\n])"?[^\r\n]*(?:\r\n|\r|\n))?(?:[ \t,;]*(?:\r\n|\r|\n))*/i.exec(
      head,
    )
  const skipped = above?.[0] ?? ''
  const told = above?.groups?.sep
  const rest = head.slice(skipped.length)
  async function* all(): AsyncGenerator<string> {
    try {
      yield* inSlices(rest)
      for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next())
        yield* inSlices(piece.value)
    } finally {
      await pieces.return?.()
    }
  }
  return {
    pieces: all(),
    delimiter: told ?? delimiterOf(rest),
    lineEnds: lineEndsOf(head),
    linesSkipped: linesIn(skipped),
  }
}

/** Files put together from several end their lines in both ways; a carriage return alone does where nothing else does. */
const lineEndsOf = (head: string) =>
  head.replace(/"[^"]*"/g, '').includes('\n') ? ['\r\n', '\n'] : ['\r\n', '\n', '\r']

/** The parser makes all records of a piece at once, and the shortest have two characters. */
const sliceCharacters = 8 * 1024

function* inSlices(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = at + sliceCharacters
    // Never between the halves of a character, which the parser could not join again.
    const whole = /[\uD800-\uDBFF]/.test(text[end - 1] ?? '') ? end + 1 : end
    yield text.slice(at, whole)
    at = whole
  }
}

const linesLookedAt = 12
const linesIn = (text: string) => text.match(/\r\n|\r|\n/g)?.length ?? 0
const headerCharactersMax = 20_000
const delimiters = [',', ';', '\t', '|']

/**
 * The candidate by which a line has a cell that names the ISBN; else that which the first line with any has most of,
 * outside quotes. A title may stand above the table.
 */
function delimiterOf(head: string): string {
  const given = head.split(/\r\n|\r|\n/, linesLookedAt)
  for (const line of given) {
    const found = delimiters.filter((delimiter) => {
      const cells = line.slice(0, headerCharactersMax).split(delimiter)
      return cells.length > 1 && cells.some((cell) => aliases.isbn.includes(plain(cell)))
    })
    if (found.length === 1 && found[0] !== undefined) return found[0]
  }
  const lines = given.map((line) => line.replace(/"[^"]*"/g, ''))
  const line = lines.find((each) => delimiters.some((delimiter) => each.includes(delimiter))) ?? ''
  const count = (delimiter: string) => line.split(delimiter).length
  return delimiters.reduce((best, each) => (count(each) > count(best) ? each : best))
}
