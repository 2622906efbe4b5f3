import type { BookDetails } from '#services/catalog'

/** What the codes mean to a reader, in plain words. Source: ONIX code list 196 and its user guide. */
const meanings: Readonly<Record<string, string>> = {
  '00': 'Summary',
  '02': 'Meets EPUB Accessibility 1.0, level A',
  '03': 'Meets EPUB Accessibility 1.0, level AA',
  '04': 'Meets EPUB Accessibility 1.1',
  '05': 'Meets PDF/UA-1',
  '06': 'Meets PDF/UA-2',
  '08': 'Accessibility not known',
  '09': 'Limited accessibility',
  '10': 'Reading systems’ accessibility options are not disabled',
  '11': 'Table of contents to navigate by',
  '12': 'Index to navigate by',
  '13': 'One logical reading order',
  '14': 'Short descriptions of pictures',
  '15': 'Full descriptions of pictures',
  '16': 'Charts also as data',
  '17': 'Formulas as MathML',
  '18': 'Chemistry as ChemML',
  '19': 'Page numbers of the printed book',
  '20': 'Text and recorded audio in step',
  '21': 'Hints for text-to-speech',
  '22': 'Languages are marked',
  '24': 'Set for readers with dyslexia',
  '25': 'Colour is not the only way of conveying information',
  '26': 'High contrast of text',
  '27': 'High contrast of foreground and background audio',
  '28': 'Full audio descriptions',
  '29': 'Next and previous to navigate by',
  '30': 'ARIA roles',
  '31': 'Accessible controls',
  '32': 'Landmarks to navigate by',
  '34': 'Chemistry as MathML',
  '35': 'Formulas as LaTeX',
  '36': 'The appearance of all text can be changed',
  '37': 'Very high contrast of text',
  '38': 'Unusual words are explained',
  '39': 'Accessible supplementary material',
  '40': 'Links say where they lead',
  '41': 'Page list to navigate by',
  '51': 'Readable whole by recorded audio',
  '52': 'Readable whole without sight',
  '53': 'Formulas are described',
  '54': 'Chemistry as LaTeX',
  '75': 'Exempt as the work of a micro-enterprise',
  '76': 'Exempt as a disproportionate burden',
  '77': 'Exempt as a fundamental alteration',
  '80': 'Follows WCAG 2.0',
  '81': 'Follows WCAG 2.1',
  '82': 'Follows WCAG 2.2',
  '84': 'WCAG level A',
  '85': 'WCAG level AA',
  '86': 'WCAG level AAA',
  '90': 'Certified by',
  '91': 'Last assessed',
  '92': 'Further notes',
  '97': 'Compatibility tested',
  '99': 'Publisher’s contact',
}

/** Lines for the accessibility block of a book's page; codes that say nothing to a reader are left out. */
export function accessibilityLines(details: BookDetails | undefined): { name: string; text: string }[] {
  return (details?.accessibility ?? []).flatMap(({ code, text = '' }) => {
    const name = meanings[code]
    return name === undefined ? (text === '' ? [] : [{ name: text, text: '' }]) : [{ name, text }]
  })
}
