import type { Book } from '#services/gateway'

export type RelatedTitle = { isbn: string; book?: Book }
export type RelatedGroup = { name: string; titles: RelatedTitle[] }

/** What related products are to a book, in plain words, those that a reader chooses between first. Source: ONIX code list 51. */
const relations: readonly { name: string; codes: readonly string[] }[] = [
  { name: 'Other formats', codes: ['06', '13', '27', '28', '29', '31', '32', '33'] },
  { name: 'Replaced by', codes: ['05', '17', '46'] },
  { name: 'Replaces', codes: ['03', '16', '42', '47'] },
  { name: 'In other languages', codes: ['11'] },
  { name: 'Special editions', codes: ['19', '38'] },
  { name: 'The ordinary edition', codes: ['18', '37', '24', '20'] },
  { name: 'Part of', codes: ['02'] },
  { name: 'Contains', codes: ['01'] },
  { name: 'In the same series', codes: ['30'] },
  { name: 'Goes with', codes: ['04', '07', '08', '39', '40'] },
  { name: 'By the same author', codes: ['22'] },
  { name: 'Adaptations', codes: ['43', '44'] },
  { name: 'You may also like', codes: ['12', '23'] },
]
const others = 'Others'

/** How many related titles a page shows: as many ISBNs as one search takes. */
export const relatedMax = 12

/** The related titles that a page shows, each once, by the first relation that the catalogue tells of it. */
export function relatedTo({ isbn, details }: Pick<Book, 'isbn' | 'details'>) {
  const seen = new Set([isbn])
  return (details?.related ?? [])
    .filter((each) => !seen.has(each.isbn) && seen.add(each.isbn))
    .slice(0, relatedMax)
}

/** Related titles by what they are to the book; those that the shop has are given with it, and come first. */
export function relatedGroups(
  related: readonly { relation: string; isbn: string }[],
  known: ReadonlyMap<string, Book>,
): RelatedGroup[] {
  const nameOf = (code: string) => relations.find(({ codes }) => codes.includes(code))?.name ?? others
  return [...relations.map(({ name }) => name), others].flatMap((name) => {
    const titles = related
      .filter(({ relation }) => nameOf(relation) === name)
      .map(({ isbn }) => ({ isbn, ...(known.has(isbn) && { book: known.get(isbn) as Book }) }))
      .toSorted((a, b) => Number(b.book !== undefined) - Number(a.book !== undefined))
    return titles.length === 0 ? [] : [{ name, titles }]
  })
}
