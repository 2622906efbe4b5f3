import { createRequire } from 'node:module'

const passwordLengthMin = 12

/** A password that cannot be taken, in words for the person who chose it. */
export class WeakPassword extends Error {
  override name = 'WeakPassword'
}

/** Words that whoever guesses at this very shop tries first. */
const contextWords = ['octavo', 'bookstore', 'bookshop', 'bookseller']

/** A piece so short, again and again, or a row of neighbours, is found by the first guesses. */
const pieceMax = 4
const rows = ['0123456789012345678901234567890', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiopasdfghjklzxcvbnm']

/**
 * Long and not common: nothing else makes a password better. Source: NIST SP 800-63B-4, section 3.1.1.2.
 * @throws WeakPassword saying why
 */
export function checkPassword(password: string, email = ''): void {
  const plain = password.normalize('NFKC').toLowerCase()
  const length = [...plain].length
  if (length < passwordLengthMin)
    throw new WeakPassword(`a password has ${passwordLengthMin} characters or more; this one has ${length}`)
  const [name = ''] = email.toLowerCase().split('@')
  if (contextWords.some((word) => plain.replaceAll(word, '').length < 6))
    throw new WeakPassword('this password is little more than a word of this shop')
  if (isRepetition(plain) || isRow(plain))
    throw new WeakPassword('this password is one short piece again and again, or a row of keys')
  if (name.length > 3 && plain.replaceAll(name, '').length < 6)
    throw new WeakPassword('this password is little more than the e-mail address')
  if (isCommon(plain)) throw new WeakPassword('this password is one of the most common ones; take another')
}

function isRepetition(text: string): boolean {
  for (let size = 1; size <= pieceMax; size++) {
    const piece = text.slice(0, size)
    if (piece.repeat(Math.ceil(text.length / size)).slice(0, text.length) === text) return true
  }
  return false
}

function isRow(text: string): boolean {
  const backwards = [...text].reverse().join('')
  return rows.some((row) => row.includes(text) || row.includes(backwards))
}

let common: ReadonlySet<string> | undefined

/** In the list as it is, or with figures and signs put around or a letter written as a figure. */
function isCommon(plain: string): boolean {
  // Read only where a password is set: half a megabyte that no running service needs.
  const read = createRequire(import.meta.url)
  common ??= new Set<string>(read('@zxcvbn-ts/language-common').dictionary['passwords-common'])
  const bare = plain.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  const inLetters = (text: string) => [...text].map((c) => figures[c] ?? c).join('')
  const half = plain.slice(0, plain.length / 2)
  return (
    common.has(plain) ||
    common.has(inLetters(plain)) ||
    (bare.length > 4 &&
      bare.length > plain.length / 2 &&
      [bare, inLetters(bare)].some((each) => common?.has(each))) ||
    (half.repeat(2) === plain && common.has(half))
  )
}

const figures: Readonly<Record<string, string>> = {
  ...{ '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's', '!': 'i' },
}
