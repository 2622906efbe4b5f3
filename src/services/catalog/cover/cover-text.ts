import { isRightToLeft } from './typeset.ts'

/** What of a book a cover shows. */
export type CoverBook = {
  isbn: string
  title: string
  subtitle: string | null
  contributors: readonly { name: string; role: string }[]
  limited: boolean
}

/** The words on a cover, in the pieces that are set apart from each other. */
export type CoverText = {
  title: string
  /** A subtitle or the name of a series; empty where there is none. */
  below: string
  /** Who wrote it, in one line; empty where nobody is named. */
  authors: string
  initial: string
}

const authorsMax = 2
const titleMax = 160
const belowMax = 90

export function coverText(book: CoverBook): CoverText {
  const whole = squeezed(book.title)
  const series = /^(.*\S)\s*\(([^()]+)\)$/.exec(whole)
  const main = series?.[1] ?? whole
  const parted = book.subtitle === null && main.length > 40 ? /^(.{3,60}?)\s*[:;—]\s+(.+)$/.exec(main) : null
  const title = shortened(parted?.[1] ?? main, titleMax)
  const below = squeezed(book.subtitle ?? parted?.[2] ?? series?.[2] ?? '')
  const initial = /[\p{L}\p{N}]/u.exec(title.replace(/^(?:the|an?)\s+(?=\S)/i, ''))?.[0] ?? '§'
  return {
    title,
    below: shortened(below, belowMax),
    authors: authorsOf(book),
    initial: initial.toUpperCase(),
  }
}

function authorsOf({ contributors }: CoverBook): string {
  const writers = contributors.filter(({ role }) => /author|writer|poet/i.test(role))
  const names = (writers.length > 0 ? writers : contributors.slice(0, 1)).map(({ name }) => squeezed(name))
  const shown = names.slice(0, authorsMax)
  const joined = shown.join(shown.some(isRightToLeft) ? ' · ' : ' & ')
  return shortened(names.length > authorsMax ? `${names[0]} et al.` : joined, belowMax)
}

const squeezed = (text: string) => text.replace(/\s+/gu, ' ').trim()

function shortened(text: string, max: number): string {
  const characters = [...text]
  if (characters.length <= max) return text
  const cut = characters.slice(0, max).join('')
  return `${cut.replace(/\s+\S{0,20}$/u, '')}…`
}
