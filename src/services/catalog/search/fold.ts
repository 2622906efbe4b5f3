/**
 * How text is compared in searches: without case, accents and punctuation, words parted by one space. Initials are
 * joined, so that "J.R.R.", "J. R. R." and "JRR" are one word; CJK characters are words of their own, because nothing in
 * the text parts them.
 */
export function fold(text: string): string {
  if (isAscii.test(text)) return foldAscii(text.toLowerCase())
  const plain = withoutAccents(withLatinDigits(text.normalize('NFKC').toLowerCase())).replace(
    unlikeLetters,
    (letter) => like[letter] ?? '',
  )
  return plain
    .replaceAll('&', ' and ')
    .replace(elision, '')
    .replace(betweenWords, ' ')
    .trim()
    .replace(betweenInitials, '')
    .replace(cjk, ' $& ')
    .replace(/ {2,}/g, ' ')
    .trim()
}

const isAscii = /^[\0-\x7f]*$/

/** The same for what most words are made of, without asking Unicode about each letter. */
function foldAscii(lower: string): string {
  const words = lower
    .replaceAll('&', ' and ')
    .replace(/['`](?=(?:s|t|d|m|re|ll|ve)(?![a-z0-9_]))/g, '')
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()
  return words.replace(/(?<=(?<![a-z0-9])[a-z0-9]) (?=[a-z0-9](?![a-z0-9]))/g, '')
}

/** What a title is sorted by and called by: folded, without a series in brackets behind it ("Dune (Dune, #1)"). */
export function foldTitle(title: string): string {
  return firstOf(fold(title.replace(/\s*\([^()]*\)\s*$/, '')) || fold(title), titleLengthMax)
}

/** The words of a folded text, none longer than a store takes. */
export function wordsOf(folded: string): string[] {
  if (folded === '') return []
  return folded.split(' ').map((word) => firstOf(word, wordLengthMax))
}

/** Short enough for an entry of an index. */
const titleLengthMax = 200
const wordLengthMax = 64

/**
 * Digits of any script as 0 to 9: each script has its ten in a row, from a code that ends in 0 or in 6.
 * @param text in the form NFKC, which has none of the digits that are in no such row
 */
export function withLatinDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0
    const first = code - (code % 16)
    return String(code - (/\p{Nd}/u.test(String.fromCodePoint(first)) ? first : first + 6))
  })
}

/** Marks above and below letters, but not the one that makes another letter of и. */
const withoutAccents = (text: string) =>
  text
    .normalize('NFD')
    .replace(/(?<!и)[\u0300-\u036f]|(?<=и)[\u0300-\u0305\u0307-\u036f]/gu, '')
    .normalize('NFC')

/** Letters that no decomposition takes apart, as they are written on other keyboards. */
const like: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i', ŋ: 'n', ħ: 'h', ŧ: 't' },
  ...{ ĸ: 'q', ς: 'σ', '\u00ad': '' },
}
const unlikeLetters = new RegExp(`[${Object.keys(like).join('')}]`, 'gu')

/** The apostrophe of "don't" and "king's". */
const elision = /['’ʼ`](?=(?:s|t|d|m|re|ll|ve)(?![\p{L}\p{M}\p{N}_]))/gu
const betweenWords = /[^\p{L}\p{M}\p{N}]+|[\ufe00-\ufe0f]+/gu
const betweenInitials = /(?<=(?<![\p{L}\p{M}\p{N}])[\p{L}\p{N}]) (?=[\p{L}\p{N}](?![\p{L}\p{M}\p{N}]))/gu
const cjk = /[\u2e80-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/gu

/** The first characters of a text, by code point. */
function firstOf(text: string, length: number): string {
  if (text.length <= length) return text
  return [...text].slice(0, length).join('')
}
