/** Books that were written to, as the database's own log tells it; `null` when it may be any of them. */
export type CatalogueChanged = { isbns: readonly string[] | null }
export const catalogueChangedTopic = 'catalogue.changed'
