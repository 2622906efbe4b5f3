/** Books that were written to, told by BookDb in the transaction that wrote them; `null` when it may be any of them. */
export type CatalogueChanged = { isbns: readonly string[] | null }
export const catalogueChangedTopic = 'catalogue.changed'
