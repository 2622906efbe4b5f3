import { cleanLine } from './clean-text.ts'
import type { OnixElement } from './onix-element.ts'

/** Forms in the shop's words. Source: ONIX code list 150 (and 7 before it). */
export const forms: Readonly<Record<string, string>> = {
  BB: 'hardcover',
  BC: 'paperback',
  BD: 'loose-leaf',
  BE: 'spiral bound',
  BF: 'pamphlet',
  BG: 'hardcover',
  BH: 'board book',
  BI: 'rag book',
  BJ: 'bath book',
  BK: 'novelty book',
  BL: 'slide bound',
  BM: 'big book',
  BN: 'part-work',
  BO: 'fold-out book',
  BP: 'foam book',
  CA: 'map',
  CB: 'map',
  CC: 'map',
  CD: 'map',
  CE: 'globe',
  PC: 'calendar',
  PD: 'cards',
  PI: 'sheet music',
  PK: 'poster',
  SA: 'set',
  XA: 'set',
}

/** The form of the product; left out where it says no more than that it is a book. */
export function formatOf(product: OnixElement, isOldRelease: boolean): string | undefined {
  const form = product.valueInBlocks('ProductForm')
  const known = forms[form]
  if (known !== undefined) return known
  if (form.startsWith('E') || (isOldRelease && /^D[G-H]/.test(form))) return 'ebook'
  if (form.startsWith('D')) return isOldRelease ? 'ebook' : 'disc'
  if (form.startsWith('A')) return 'audiobook'
  const described = cleanLine(product.valueInBlocks('ProductFormDescription'))
  return described !== '' && described.length <= formatCharactersMax ? described : undefined
}

/** As long as a form of ours may be. */
const formatCharactersMax = 40
