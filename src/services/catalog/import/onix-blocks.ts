import type { BookDetails } from '../contract.ts'
import type { OnixElement } from './onix-element.ts'
import type { ImportedBook } from './source.ts'

type TakenAway = { fields: Partial<ImportedBook>; details: (keyof BookDetails)[] }

/**
 * What a block of an update takes away by replacing the block that was sent before: a block comes whole or not at all,
 * and an empty one deletes. A descriptive block without a title or a form is none that could stand for an earlier one,
 * and only adds. What a bookseller may have set (language, form, opening of the sale, price) stays where it is not told.
 * Source: ONIX for Books 3.0 and 3.1, P.1.2 and "block updates".
 */
export function takenAway(product: OnixElement): TakenAway {
  const found: TakenAway = { fields: {}, details: [] }
  for (const block of product.children) {
    const carried = blocks[block.name]
    if (carried === undefined) continue
    const has = (name: string) => block.children.some((child) => child.name === name)
    const isEmpty = block.children.length === 0
    if (block.name === 'DescriptiveDetail' && !isEmpty && !(has('TitleDetail') && has('ProductForm')))
      continue
    block.isRead = true
    Object.assign(found.fields, carried.fields)
    found.details.push(...carried.details)
  }
  return found
}

const blocks: Readonly<Record<string, TakenAway>> = {
  DescriptiveDetail: {
    fields: { subtitle: null, contributors: [], subjects: [] },
    details: [
      ...([
        'edition',
        'pages',
        'minutes',
        'illustrations',
        'height',
        'width',
        'thickness',
        'weight',
      ] as const),
      ...(['series', 'subjects', 'keywords', 'audience', 'accessibility', 'originalTitle'] as const),
    ],
  },
  CollateralDetail: { fields: { description: null }, details: ['coverLink'] },
  PublishingDetail: {
    fields: { publisher: null, publishedOn: null },
    details: ['imprint', 'publishingStatus'],
  },
  RelatedMaterial: { fields: {}, details: ['related', 'works'] },
}
