import { parseIsbn } from '#kernel/isbn'

/**
 * Finds ISBNs between other words: in one piece, with hyphens or spaces, with "ISBN" before them, in brackets. Numbers that
 * are ISBNs if a spreadsheet dropped their leading zeros are guesses, and stay in the rest.
 */
export function splitIsbns(text: string): { isbns: string[]; guesses: string[]; rest: string } {
  const pieces = text
    // What a scanner says of the kind of code first. Source: ISO/IEC 15424.
    .replace(/(?<!\S)\]E[04](?=\d{13})/g, '')
    .replace(/[([]?\bISBN(?:-1[03]\b)?(?![a-z]):?/gi, ' ')
    .replace(/(?<!\d)0+(?=97[89]\d{10}(?!\d))/g, '')
    .split(/\s+/)
    .filter((piece) => piece !== '')
  const isbns: string[] = []
  const rest: string[] = []
  for (let i = 0; i < pieces.length; ) {
    const taken = isbnAt(pieces, i)
    if (taken === undefined) rest.push(pieces[i++] ?? '')
    else {
      isbns.push(taken.isbn)
      i += taken.pieces
    }
  }
  return { isbns, guesses: rest.flatMap(guessed), rest: rest.map(compactDigits).join(' ') }
}

/** The check digit tells whether zeros in front make an ISBN-10 of a number. */
function guessed(piece: string): string[] {
  if (!/^\d{6,8}[\dXx]$/.test(piece)) return []
  const parsed = parseIsbn(piece.padStart(10, '0'))
  return parsed.kind === 'ok' ? [parsed.isbn] : []
}

/** A scanner may read the two or five digits beside a book's EAN with it. Source: GS1 General Specifications, 5.2.2. */
const withAddOn = /^(97[89]\d{10})(?:\d{2}|\d{5})$/

const hyphens = /[\u2010-\u2013-]/g
/** With its hyphens, and an add-on behind it. */
const isbnLike = /^[\dXx\u2010-\u2013-]{1,24}$/

/** An ISBN has at most five groups. */
const groupsMax = 5

function isbnAt(pieces: readonly string[], start: number): { isbn: string; pieces: number } | undefined {
  let digits = ''
  for (let count = 1; count <= groupsMax && start + count <= pieces.length; count++) {
    digits += (pieces[start + count - 1] ?? '').replace(/^[([{"'«]+|[)\]}"'»,;.]+$/g, '')
    if (!isbnLike.test(digits)) return undefined
    const parsed = parseIsbn(withAddOn.exec(digits.replace(hyphens, ''))?.[1] ?? digits)
    if (parsed.kind === 'ok') return { isbn: parsed.isbn, pieces: count }
  }
  return undefined
}

/** The beginning of an ISBN typed with hyphens is still one number. */
function compactDigits(piece: string): string {
  const compact = piece.replace(hyphens, '')
  return /^97[89]\d{2,9}$/.test(compact) || /^\d{5,9}[\dXx]?$/.test(compact) ? compact.slice(0, 13) : piece
}
