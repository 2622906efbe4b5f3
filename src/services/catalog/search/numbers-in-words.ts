/** Numbers that titles and readers spell; smaller ones are said in passing too often. */
const smallest = 10
const largest = 2_099
/** The longest spelling has so many words: "one thousand nine hundred and eighty four". */
const spelledMax = 7

const units =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')

/** The folded words in which a number may be written, the most usual first: years by their centuries. */
export function spellings(number: number): string[] {
  if (number < 100) return [belowHundred(number)]
  const [hundreds, rest] = [Math.floor(number / 100), number % 100]
  const low = rest === 0 ? '' : rest < 10 ? `oh ${belowHundred(rest)}` : belowHundred(rest)
  const isYear = hundreds >= 11 && hundreds !== 20
  const century = rest === 0 ? [] : [`${belowHundred(hundreds)} ${low}`]
  const whole = [...joined(number, ' '), ...joined(number, ' and ')]
  return [...new Set(isYear || hundreds < 10 ? [...century, ...whole] : [...whole, ...century])]
}

/** Thousands and hundreds; above a thousand both as "one thousand nine hundred" and as "nineteen hundred". */
function joined(number: number, before: ' ' | ' and '): string[] {
  const rest = number % 100
  const end = rest === 0 ? '' : before + belowHundred(rest)
  const [thousands, hundreds] = [Math.floor(number / 1_000), Math.floor(number / 100) % 10]
  const parts = [
    ...(thousands > 0 ? [`${belowHundred(thousands)} thousand`] : []),
    ...(hundreds > 0 ? [`${belowHundred(hundreds)} hundred`] : []),
  ]
  const asHundreds =
    thousands > 0 && hundreds > 0 ? [`${belowHundred(Math.floor(number / 100))} hundred${end}`] : []
  return [parts.join(' ') + end, ...asHundreds]
}

function belowHundred(number: number): string {
  const unit = units[number]
  if (unit !== undefined) return unit
  const ten = tens[Math.floor(number / 10) - 2] ?? ''
  return number % 10 === 0 ? ten : `${ten} ${units[number % 10]}`
}

/** Most words begin no number. */
const firstWords = new Set([...units.slice(1), ...tens])

/**
 * The same folded text with its numbers the other way round: "nineteen eighty four" for "1984", and "1984" for "nineteen
 * eighty four".
 * @returns undefined where there is none
 */
export function withNumbersTurned(words: readonly string[]): string[] | undefined {
  const turned: string[] = []
  let found = false
  for (let i = 0; i < words.length; ) {
    const taken = numberAt(words, i)
    if (taken === undefined) turned.push(words[i++] ?? '')
    else {
      turned.push(...taken.words)
      i += taken.length
      found = true
    }
  }
  return found ? turned : undefined
}

function numberAt(words: readonly string[], start: number): { words: string[]; length: number } | undefined {
  const word = words[start] ?? ''
  const digits = /^[1-9]\d{1,3}$/.test(word) ? Number(word) : 0
  if (digits >= smallest && digits <= largest)
    return { words: (spellings(digits)[0] ?? '').split(' '), length: 1 }
  if (!firstWords.has(word)) return undefined
  for (let length = Math.min(spelledMax, words.length - start); length > 0; length--) {
    const number = numbersBySpelling().get(words.slice(start, start + length).join(' '))
    if (number !== undefined) return { words: [number], length }
  }
  return undefined
}

let known: ReadonlyMap<string, string> | undefined

/** Made when it is first needed: it would be a tenth of a role's start. */
function numbersBySpelling(): ReadonlyMap<string, string> {
  if (known !== undefined) return known
  const numbers = new Map<string, string>()
  for (let number = smallest; number <= largest; number++)
    for (const spelling of spellings(number))
      if (!numbers.has(spelling)) numbers.set(spelling, String(number))
  known = numbers
  return known
}
