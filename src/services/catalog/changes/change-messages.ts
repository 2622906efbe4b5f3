/** Books that were written to, told by BookDb in the transaction that wrote them; `null` when it may be any of them. */
export type CatalogueChanged = { isbns: readonly string[] | null }
export const catalogueChangedTopic = 'catalogue.changed'

/** Of more books than these none is named. */
export const toldBooksMax = 100

export function catalogueChanged(isbns: ReadonlySet<string>): CatalogueChanged {
  return { isbns: isbns.size > toldBooksMax ? null : [...isbns].sort() }
}
