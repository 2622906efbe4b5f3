import { fold } from './fold.ts'

/** What somebody is known by. */
export type Person = { names: readonly string[]; emails: readonly string[] }

/** Shorter ones are in the words of very many. */
const lengthMin = 3
/** Parts of names that tell of nobody. */
const particles = new Set([
  'von',
  'van',
  'der',
  'den',
  'del',
  'des',
  'dos',
  'das',
  'ibn',
  'bin',
  'the',
  'and',
])

/**
 * What of a person may stand in somebody's search, as folded words: the name, each telling word of it, the address, and each
 * telling word of it before its at sign. What is theirs ends in an s: "Ada's letters" folds to "adas letters".
 */
export function phrasesOf({ names, emails }: Person): string[] {
  const boxes = emails.map((email) => email.slice(0, email.lastIndexOf('@')))
  const whole = [...names, ...emails].map(fold)
  const words = [...names, ...boxes].flatMap((text) => fold(text).split(' ')).filter(isTelling)
  return [...new Set([...whole.filter(isLong), ...words].flatMap((phrase) => [phrase, `${phrase}s`]))]
}

const isLong = (text: string) => [...text].length >= lengthMin
const isTelling = (word: string) => isLong(word) && !particles.has(word)
