import { isIdeographic } from './text-width.ts'

type Measure = (text: string) => number

/**
 * Breaks a text into as few lines as fit `width`, all about equally long, because a title looks wrong with one word
 * left over.
 * @param force cut words that are too long, instead of giving up
 * @returns nothing when a word is too long for a line
 */
export function breakLines(
  text: string,
  width: number,
  measure: Measure,
  force: boolean,
): string[] | undefined {
  const pieces = piecesOf(text).flatMap((piece) => (force ? cut(piece, width, measure) : [piece]))
  if (pieces.some((piece) => measure(piece.trimEnd()) > width)) return undefined
  const fewest = greedy(pieces, width, measure)
  if (fewest.length < 2) return fewest
  // The narrowest measure that still needs no more lines makes them even.
  let [low, high] = [0, width]
  let best = fewest
  for (let step = 0; step < 8; step++) {
    const middle = (low + high) / 2
    const lines = greedy(pieces, middle, measure)
    const fits = lines.length <= fewest.length && lines.every((line) => measure(line) <= width)
    if (fits) [best, high] = [lines, middle]
    else low = middle
  }
  return best
}

/** What may end a line: words with the space after them, parts of hyphenated words, single ideographs. */
function piecesOf(text: string): string[] {
  const pieces: string[] = []
  for (const word of text.split(/(?<=\s)|(?<=[\p{L}\p{N}][-–—/])(?=\p{L}{3})/u)) {
    let piece = ''
    for (const character of word) {
      // Closing punctuation stays with the ideograph before it.
      const breaks =
        piece !== '' && (isIdeographic(character) || isIdeographic(piece)) && !/[\p{P}\s]/u.test(character)
      if (breaks) {
        pieces.push(piece)
        piece = ''
      }
      piece += character
    }
    pieces.push(piece)
  }
  return pieces
}

function greedy(pieces: readonly string[], width: number, measure: Measure): string[] {
  const lines: string[] = []
  let line = ''
  for (const piece of pieces) {
    if (line !== '' && measure((line + piece).trimEnd()) > width) {
      lines.push(line.trim())
      line = ''
    }
    line += piece
  }
  return [...lines, line.trim()].filter((each) => each !== '')
}

function cut(piece: string, width: number, measure: Measure): string[] {
  if (measure(piece.trimEnd()) <= width) return [piece]
  const parts: string[] = []
  let part = ''
  for (const character of piece) {
    if (part !== '' && measure(`${part}${character}-`) > width) {
      parts.push(`${part}-`)
      part = ''
    }
    part += character
  }
  return [...parts, part]
}
