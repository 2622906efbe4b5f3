import type { BookDetails } from '../contract.ts'
import { cleanLine } from './clean-text.ts'
import type { OnixElement } from './onix-element.ts'

export type OnixTitle = {
  title?: string
  subtitle?: string
  originalTitle?: string
  series?: BookDetails['series']
}

/** Titles that may stand for the product, best first. Source: ONIX code list 15. */
const titleTypes = ['01', '', '00', '11', '13', '10', '05', '08', '03']
const original = '03'

/**
 * The title of the product itself; where only its collection has one, that with the number of the part. Levels are
 * those of ONIX code list 149: 01 the product, 02 and 03 its collections.
 */
export function titleOf(product: OnixElement): OnixTitle {
  const details = [...product.inBlocks('TitleDetail'), ...product.inBlocks('Title')]
  const detail =
    titleTypes
      .map((type) => details.find((each) => each.value('TitleType') === type))
      .find((each) => each !== undefined) ?? details[0]
  const elements = detail === undefined ? [] : elementsOf(detail)
  const own = elements.find((each) => ['01', ''].includes(levelOf(each)) && wordsOf(each) !== '')
  const series = seriesOf(product, elements)
  const isPartOfCollection = elements.some((each) => !['01', ''].includes(levelOf(each)))
  const title =
    own === undefined
      ? (detail === undefined && titleOf21(product)) || titleInCollection(elements, detail, series)
      : isPartOfCollection
        ? wordsOf(own)
        : withPart(wordsOf(own), partOf(own))
  const subtitle = cleanLine((own ?? detail ?? product).value('Subtitle'))
  const original = originalOf(details, detail)
  return {
    ...(title !== '' && { title }),
    ...(subtitle !== '' && { subtitle }),
    ...(original !== '' && { originalTitle: original }),
    ...(series.length > 0 && { series }),
  }
}

/** Before 2.1 had a composite for it, the title stood in the product itself. */
const titleOf21 = (product: OnixElement) => cleanLine(product.value('DistinctiveTitle')) || wordsOf(product)

/** The title in the language it was written in, where it is not the one the product is called by. */
function originalOf(details: readonly OnixElement[], shown: OnixElement | undefined): string {
  const detail = details.find((each) => each !== shown && each.value('TitleType') === original)
  const elements = detail === undefined ? [] : elementsOf(detail)
  const own = elements.find((each) => ['01', ''].includes(levelOf(each)))
  return own === undefined ? '' : wordsOf(own) || cleanLine(detail?.value('TitleStatement') ?? '')
}

/** Elements in the order of their numbers, where they have some; in 2.1 the title is its own element. */
function elementsOf(detail: OnixElement): OnixElement[] {
  const elements = detail.all('TitleElement')
  return elements.length === 0 ? [detail] : bySequence(elements)
}

export function bySequence(elements: readonly OnixElement[]): OnixElement[] {
  const place = (element: OnixElement) => {
    const number = Number(element.value('SequenceNumber') || Number.NaN)
    return Number.isFinite(number) ? number : Number.POSITIVE_INFINITY
  }
  const placed = elements.map((element, i) => ({ element, i, number: place(element) }))
  placed.sort((a, b) => (a.number === b.number ? a.i - b.i : a.number < b.number ? -1 : 1))
  return placed.map(({ element }) => element)
}

const levelOf = (element: OnixElement) => element.value('TitleElementLevel')

/** The words of one element, its prefix before them. */
function wordsOf(element: OnixElement): string {
  const prefix = cleanLine(element.value('TitlePrefix'))
  const rest = cleanLine(element.value('TitleWithoutPrefix'))
  // "L'" and "Étranger" are one word.
  const joined = /['\u2019-]$/.test(prefix) ? prefix + rest : [prefix, rest].filter(Boolean).join(' ')
  return cleanLine(element.value('TitleText')) || (rest === '' ? '' : joined)
}

/** `Great Series 3`: the collection's title with the part, when the product has no title of its own. */
function titleInCollection(
  elements: readonly OnixElement[],
  detail: OnixElement | undefined,
  series: BookDetails['series'],
): string {
  const collections = elements.filter((each) => !['01', '', '04'].includes(levelOf(each)))
  const inDetail = collections.toSorted((a, b) => levelOf(a).localeCompare(levelOf(b)))
  const words = inDetail.flatMap((each) => [wordsOf(each), partOf(each)]).filter(Boolean)
  const part = elements
    .filter((each) => ['01', ''].includes(levelOf(each)))
    .map((each) => partOf(each))
    .find(Boolean)
  const statement = cleanLine(detail?.value('TitleStatement') ?? '')
  if (statement !== '') return statement
  const [first] = series ?? []
  if (words.length === 0 && first !== undefined && (part !== undefined || first.number !== undefined))
    return [first.title, part ?? first.number].join(' ')
  return words.length === 0 ? '' : [...words, part].filter(Boolean).join(' ')
}

const partOf = (element: OnixElement) =>
  cleanLine(element.value('PartNumber') || element.value('YearOfAnnual'))

/** `History of Rome, Volume 2`: volumes of one title are told apart by their parts, once. */
function withPart(title: string, part: string): string {
  if (part === '' || new RegExp(`(?<![\\p{L}\\p{N}])${escaped(part)}(?![\\p{L}\\p{N}])`, 'iu').test(title))
    return title
  return `${title}${/^\d/.test(part) ? ' ' : ', '}${part}`
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** Collections of the product: those of its own title, of 3.x composites and of 2.1's series. */
function seriesOf(
  product: OnixElement,
  elements: readonly OnixElement[],
): NonNullable<BookDetails['series']> {
  const inTitle = elements
    .filter((each) => levelOf(each) === '02')
    .map((each) => ({
      title: wordsOf(each),
      number: partOf(each) || (elements.map(partOf).find(Boolean) ?? ''),
    }))
  const collections = product.inBlocks('Collection').map((collection) => {
    const elementsOfAll = collection.all('TitleDetail').flatMap((each) => elementsOf(each))
    const element = elementsOfAll.find((each) => levelOf(each) === '02') ?? elementsOfAll[0]
    const sequence = collection
      .all('CollectionSequence')
      .map((each) => each.value('CollectionSequenceNumber'))
    return {
      title: element === undefined ? '' : wordsOf(element),
      number: (element === undefined ? '' : partOf(element)) || (sequence[0] ?? ''),
    }
  })
  const old = product.all('Series').map((series) => {
    const titled = series.all('Title')[0]
    return {
      title: cleanLine(series.value('TitleOfSeries')) || (titled === undefined ? '' : wordsOf(titled)),
      number: cleanLine(series.value('NumberWithinSeries')),
    }
  })
  const seen = new Set<string>()
  return [...inTitle, ...collections, ...old]
    .filter(({ title }) => title !== '' && !seen.has(title) && seen.add(title))
    .map(({ title, number }) => ({ title, ...(number !== '' && { number }) }))
}
