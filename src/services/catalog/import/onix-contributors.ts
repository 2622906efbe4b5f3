import { cleanLine } from './clean-text.ts'
import type { OnixContext } from './onix-context.ts'
import type { OnixElement } from './onix-element.ts'
import { bySequence } from './onix-title.ts'
import { readInverted, upright } from './read-names.ts'
import type { ImportedBook } from './source.ts'

/** Roles by their codes; those that are not here are told by their group. Source: ONIX code list 17. */
export const roles: Readonly<Record<string, string>> = {
  A01: 'author',
  A02: 'author',
  A03: 'screenwriter',
  A04: 'librettist',
  A05: 'lyricist',
  A06: 'composer',
  A07: 'artist',
  A08: 'photographer',
  A09: 'creator',
  A10: 'idea',
  A11: 'designer',
  A12: 'illustrator',
  A13: 'photographer',
  A14: 'text',
  A15: 'preface',
  A16: 'prologue',
  A17: 'summary',
  A18: 'supplement',
  A19: 'afterword',
  A20: 'notes',
  A21: 'commentary',
  A22: 'epilogue',
  A23: 'foreword',
  A24: 'introduction',
  A25: 'footnotes',
  A26: 'memoir',
  A29: 'introduction and notes',
  A32: 'contributions',
  A34: 'index',
  A35: 'drawings',
  A36: 'cover design',
  A38: 'original author',
  A39: 'maps',
  A40: 'colourist',
  A41: 'paper engineer',
  A43: 'interviewer',
  A44: 'interviewee',
  A45: 'comic script',
  A46: 'inker',
  A47: 'colourist',
  A48: 'letterer',
  A51: 'research',
  A56: 'cover design',
  B01: 'editor',
  B02: 'reviser',
  B03: 'reteller',
  B04: 'abridger',
  B05: 'adapter',
  B06: 'translator',
  B07: 'as told by',
  B08: 'translator',
  B09: 'series editor',
  B10: 'editor and translator',
  B11: 'editor-in-chief',
  B12: 'guest editor',
  B13: 'volume editor',
  B16: 'managing editor',
  B20: 'consultant editor',
  B21: 'general editor',
  B22: 'dramatiser',
  B25: 'arranger',
  B33: 'transcriber',
  C01: 'compiler',
  C02: 'selector',
  C04: 'curator',
  D01: 'producer',
  D02: 'director',
  D03: 'conductor',
  E01: 'actor',
  E03: 'narrator',
  E07: 'reader',
  E08: 'performer',
  E09: 'speaker',
  E99: 'performer',
}
const groups: Readonly<Record<string, string>> = { B: 'editor', C: 'compiler', D: 'director', E: 'performer' }

/** Source: ONIX code list 19. */
const unnamed: Readonly<Record<string, string>> = {
  '01': 'Unknown',
  '02': 'Anonymous',
  '03': 'et al.',
  '04': 'Various',
  '05': 'Synthesised voice',
  '06': 'Synthesised voice',
  '07': 'Synthesised voice',
  '08': 'Synthesised voice',
  '09': 'AI',
}

/** People and bodies in the order of their numbers. Left out where the product names none, unless it says so. */
export function contributorsOf(
  product: OnixElement,
  { notes }: OnixContext,
): Pick<ImportedBook, 'contributors'> {
  const elements = product.inBlocks('Contributor')
  const isTold = elements.length > 0 || product.inBlocks('NoContributor').length > 0
  const seen = new Set<string>()
  const contributors = bySequence(elements).flatMap((element) => {
    const codes = element.values('ContributorRole').map((code) => code.toUpperCase())
    const names = namesOf(element)
    const described = cleanLine(element.value('ContributorDescription'))
    const roleOf = (code: string) =>
      code === 'Z99' && described !== '' && described.length <= roleCharactersMax
        ? described
        : (roles[code] ?? groups[code.slice(0, 1)] ?? 'contributor')
    if (names.length === 0) notes.leftOut('contributors', codes.join(' '), 'a contributor has no name')
    return names.flatMap((name) =>
      [...new Set(codes.length === 0 ? ['contributor'] : codes.map(roleOf))].map((role) => ({ name, role })),
    )
  })
  const distinct = contributors.filter(({ name, role }) => {
    const key = `${name}\n${role}`
    return !seen.has(key) && seen.add(key)
  })
  return isTold && (distinct.length > 0 || elements.length === 0) ? { contributors: distinct } : {}
}

/** A role that has no code (Z99) is described in words. */
const roleCharactersMax = 40

/**
 * The name that the product gives its contributor: a pen name is the name, whatever other names are known. Parts are
 * joined in the order in which a name is spoken. Source: ONIX for Books 3.0, P.7.
 */
function namesOf(element: OnixElement): string[] {
  const own = namesIn(element)
  if (own.length > 0) return own
  const code = element.value('UnnamedPersons')
  if (code !== '') return [unnamed[code] ?? 'Unknown']
  const others = [...element.all('Name'), ...element.all('AlternativeName')]
  const pen = others.find((each) => each.value('NameType', 'PersonNameType') === '01') ?? others[0]
  return pen === undefined ? [] : namesIn(pen)
}

function namesIn(element: OnixElement): string[] {
  const person = element.value('PersonName')
  const inverted = element.value('PersonNameInverted')
  const parts = partsOf(element)
  if (person !== '') return splitUpright(cleanLine(person))
  if (parts !== '' && (inverted === '' || element.value('KeyNames') !== '')) return [parts]
  if (inverted !== '') return readInverted(cleanLine(inverted))
  const corporate = cleanLine(element.value('CorporateName'))
  const turned = cleanLine(element.value('CorporateNameInverted'))
  if (corporate !== '') return [corporate]
  return turned === '' ? [] : [upright(turned.split(/,\s*/))]
}

const splitUpright = (text: string) => text.split(/\s*;\s*/).filter(Boolean)

function partsOf(element: OnixElement): string {
  const part = (name: string) => cleanLine(element.value(name))
  const key = part('KeyNames')
  if (key === '' && part('NamesBeforeKey') === '') return ''
  const before = ['TitlesBeforeNames', 'NamesBeforeKey', 'PrefixToKey'].map(part).filter(Boolean)
  const after = ['NamesAfterKey', 'SuffixToKey'].map(part).filter(Boolean)
  const stem = before.join(' ')
  // "d'" and "O'" are written together with the name.
  const name = /['\u2019]$/.test(stem) ? stem + key : [stem, key].filter(Boolean).join(' ')
  const honours = ['LettersAfterNames', 'TitlesAfterNames'].map(part).filter(Boolean)
  return [[name, ...after].join(' '), ...honours].join(', ')
}
