import { readRole } from './read-role.ts'

type Contributor = { name: string; role: string }
/** How the names of a column are written: `Ann Author` or `Author, Ann`. */
export type NameOrder = 'upright' | 'inverted' | undefined

const suffix = /^(?:jr|sr|ph\.?\s?d|m\.?d|esq|ii|iii|iv|v|inc|ltd|llc|gmbh|e\.?\s?v)\.?$/i
const honorific = /^(?:sir|dame|lord|lady|dr|prof|professor|rev|baron|baroness|count|countess|saint|st)\.?$/i
/** Years of a life, as catalogues of libraries write them after a name. */
const lifeYears = /^(?:b\.?\s*|d\.?\s*|c\.?\s*)?\d{3,4}\??(?:\s*[-\u2013]\s*(?:\d{3,4})?\??)?$/
/** What stands before a family name in small letters: nobody's given name. */
const particle = /^(?:a[fv]|al|d[aei]|das|de[lnr]|dell?a|dos|du|el|la|le|t[eo]n|ter|v[ao]n|vo[mn]|zu[mr]?)\s/
const conjunction = /\s+(?:and|und|et|y|e|en|og|och|&|\+|with)\s+/i

/**
 * Names with roles: `Ann Author; Bob Brush (illustrator)`, `Author, Ann`, `Ann Author, Bob Brush`, `Ann Author and Bob
 * Brush`. A comma parts a name's own words or two people; what the names of the column look like decides.
 */
export function readContributors(text: string, order: NameOrder = undefined): Contributor[] {
  const seen = new Set<string>()
  const contributors: Contributor[] = []
  for (const part of peopleOf(text, order)) {
    const match = /^(.*\S)\s*[([]([^()[\]\d]{1,40})[)\]]$/.exec(part.trim())
    const name = tidyName(match?.[1] ?? part)
    const role = match?.[2] === undefined ? 'author' : readRole(match[2])
    if (name === '' || seen.has(`${name}\n${role}`)) continue
    seen.add(`${name}\n${role}`)
    contributors.push({ name, role })
  }
  return contributors
}

const tidyName = (name: string) =>
  name
    .replace(/^(?:by|von|par|por|di)\s+(?=\p{Lu}\S*\s+\p{Lu})/iu, '')
    .replace(/\s*\(\d{3,4}\s*[-\u2013].{0,6}\)$/, '')
    .replace(/\s+/g, ' ')
    .replace(/[,;]+$/, '')
    .trim()

function peopleOf(text: string, order: NameOrder): string[] {
  // A role in brackets ends a person, whatever commas the name has.
  const strong = text.split(/[;|\n\u2022]|\s[/\u00b7]\s|(?<=[)\]])\s*,/).flatMap(bySlash)
  return strong.flatMap((part) => {
    const joined = part.trim().split(conjunction)
    if (joined.length > 1 && joined.every((each) => isName(each.replace(/\s*\([^()]*\)$/, ''))))
      return joined.flatMap((each) =>
        byCommas(
          each,
          order,
          joined.every((one) => one.includes(',')),
        ),
      )
    return byCommas(part.trim(), order, strong.length > 1)
  })
}

/** `Ann Author/Bob Brush` are two; `AC/DC` is one. */
function bySlash(text: string): string[] {
  const parts = text.split('/').filter((part) => part.trim() !== '')
  return parts.every(isName) ? parts : [text].filter((part) => part.trim() !== '')
}

/** Two words or more, or an inverted name: `Ann and Bob Author` names nobody before "and". */
const isName = (text: string) => /\S\s+\S/.test(text.trim())

const wordCount = (text: string) => text.trim().split(/\s+/).length

/**
 * @param alone whether other marks part the people already, so that one comma is a name's own
 */
function byCommas(text: string, order: NameOrder, alone: boolean): string[] {
  const roleMatch = /\s*\([^()]{1,40}\)$/.exec(text)
  const role = roleMatch?.[0] ?? ''
  const parts = text
    .slice(0, text.length - role.length)
    .split(/,\s*/)
    .map((part) => part.trim())
    .filter((part) => part !== '' && !lifeYears.test(part))
  if (parts.length < 2) return [(parts[0] ?? '') + role]
  const [key = '', between = '', given = ''] = parts
  if (parts.length === 3 && suffix.test(between) && !suffix.test(given) && wordCount(key) === 1)
    return [upright([key, given, between]) + role]
  const rest = parts.slice(2)
  if (rest.every((part) => suffix.test(part) || honorific.test(part)) && isInverted(parts, order, alone))
    return [upright(parts) + role]
  const mayBePairs =
    order === 'inverted' || (order === undefined && parts.every((part) => wordCount(part) === 1))
  if (mayBePairs && parts.length % 2 === 0 && !parts.some((part) => suffix.test(part)))
    return pairs(parts).map((pair) => upright(pair) + role)
  return withSuffixes(parts).map((name, i, all) => (i === all.length - 1 ? name + role : name))
}

function isInverted(parts: readonly string[], order: NameOrder, alone: boolean): boolean {
  const [first = '', second = ''] = parts
  if (suffix.test(second)) return false
  if (/\(.+\)$/.test(first)) return false
  const [before, after] = [wordCount(first), wordCount(second)]
  if (order === 'inverted' || (alone && order !== 'upright')) return true
  if (before === 1 && after === 1) return true
  if (particle.test(first)) return true
  // Nobody's family name is an initial: "Ursula K." is what stands before one.
  if (before > 1 && /(?<!\p{L})\p{Lu}\.$/u.test(second) && !/(?<!\p{L})\p{Lu}\.$/u.test(first)) return true
  // "Le Guin, Ursula" and "King, Martin Luther" name one; "Ann Author, Bob Brush" names two.
  if (order === 'upright') return false
  return before === 1 || after === 1 || /^(?:\p{Lu}\.\s*)+$/u.test(second)
}

/** `Smith, John, Sir` → `John Smith, Sir`; `King, Martin Luther, Jr.` → `Martin Luther King Jr.`. */
export function upright(parts: readonly string[]): string {
  const [key = '', names = '', ...after] = parts
  let name = [names, key].filter(Boolean).join(names.endsWith("'") || names.endsWith('\u2019') ? '' : ' ')
  for (const part of after) name += suffix.test(part) ? ` ${part}` : `, ${part}`
  return name
}

/** `Author, Ann, Jr.` and the like of names that are upright already: a suffix belongs to the name before it. */
function withSuffixes(parts: readonly string[]): string[] {
  const names: string[] = []
  for (const part of parts)
    if (suffix.test(part) && names.length > 0) names[names.length - 1] += `, ${part}`
    else names.push(part)
  return names
}

function pairs(parts: readonly string[]): string[][] {
  const found: string[][] = []
  for (let i = 0; i < parts.length; i += 2) found.push(parts.slice(i, i + 2))
  return found
}

/** One person or several, from a name that is written the other way round: `Smith, John; Doe, Jane`. */
export function readInverted(text: string): string[] {
  const people = text.split(/\s*;\s*|\s\/\s/).flatMap((part) => {
    const joined = part.split(/\s+(?:and|und|et|y|e|en|og|och|&)\s+/i)
    return joined.length > 1 && joined.every((each) => each.includes(',')) ? joined : [part]
  })
  return people
    .map((person) =>
      upright(
        person
          .split(/,\s*/)
          .map((part) => part.trim())
          .filter((part) => part !== '' && !lifeYears.test(part)),
      ),
    )
    .filter((name) => name !== '')
}

/** What the names of a column show: names of two words without a comma are upright, one comma each is inverted. */
export function nameOrderOf(texts: Iterable<string>): NameOrder {
  let plain = 0
  let inverted = 0
  for (const text of texts) {
    if (/[;|&]/.test(text) || text.trim() === '') continue
    const parts = text
      .replace(/\([^()]*\)/g, '')
      .split(',')
      .map((part) => part.trim())
    if ((parts.length === 1 || suffix.test(parts[1] ?? '')) && wordCount(text) > 1) plain++
    else if (
      parts.length === 2 &&
      parts.every(Boolean) &&
      (wordCount(parts[0] ?? '') === 1 || wordCount(parts[1] ?? '') === 1)
    )
      inverted++
  }
  if (plain >= inverted && plain > 0) return 'upright'
  return inverted > 3 * plain && inverted > 0 ? 'inverted' : undefined
}
