import type { BookDetails } from '../contract.ts'
import { cleanLine } from './clean-text.ts'
import type { OnixElement } from './onix-element.ts'
import type { ImportedBook } from './source.ts'

/** Words for search engines, in any number, which are no subjects. Source: ONIX code list 27. */
const keywordSchemes = ['20', 'B2']

/** Headings under this name of a scheme are whole, whatever marks they hold. */
export const ownScheme = 'Octavo'

type Subject = NonNullable<BookDetails['subjects']>[number]

/**
 * Subjects with the main one first: the heading where the file gives one, else the code, whichever scheme it is of.
 * Headings of Thema, BISAC and BIC are not ours to ship.
 */
export function subjectsOf(
  product: OnixElement,
): Pick<ImportedBook, 'subjects'> & Pick<BookDetails, 'keywords'> & { codes?: Subject[] } {
  const elements = [...product.inBlocks('MainSubject'), ...product.inBlocks('Subject')]
  const main = elements.filter(isMain)
  const all = [...main, ...elements.filter((each) => !main.includes(each))]
  const keywords: string[] = []
  const subjects: string[] = []
  const codes: Subject[] = []
  for (const element of all) {
    const scheme = element.value('SubjectSchemeIdentifier', 'MainSubjectSchemeIdentifier')
    const code = cleanLine(element.value('SubjectCode'))
    const isOwn = element.value('SubjectSchemeName') === ownScheme
    const headings = element.values('SubjectHeadingText').flatMap(isOwn ? cleanLine : listOf)
    element.value('SubjectSchemeVersion')
    if (keywordSchemes.includes(scheme)) keywords.push(...headings)
    else {
      subjects.push(...(headings.length > 0 ? headings : [code]))
      if (code !== '')
        codes.push({ scheme, code, ...(headings[0] !== undefined && { heading: headings[0] }) })
    }
  }
  for (const [name, scheme] of [
    ['BASICMainSubject', '10'],
    ['BICMainSubject', '12'],
  ] as const) {
    const code = cleanLine(product.value(name))
    if (code === '') continue
    subjects.unshift(code)
    codes.unshift({ scheme, code })
  }
  const distinct = [...new Set(subjects)].filter((subject) => subject !== '')
  return {
    ...(distinct.length > 0 && { subjects: distinct }),
    ...(codes.length > 0 && { codes }),
    ...(keywords.length > 0 && { keywords: [...new Set(keywords)] }),
  }
}

/** In 3.x an empty child marks the main subject; in 2.1 it is a composite of its own. */
const isMain = (element: OnixElement) =>
  element.name === 'MainSubject' || element.all('MainSubject').length > 0

const listOf = (text: string) =>
  text
    .split(';')
    .map(cleanLine)
    .filter((part) => part !== '')
