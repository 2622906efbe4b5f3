/**
 * What else a catalogue tells of a book, kept as it is and shown on the book's page. Codes are those of ONIX for Books.
 */
export type BookDetails = {
  imprint?: string
  edition?: string
  pages?: number
  /** Minutes of an audiobook. */
  minutes?: number
  illustrations?: string
  /** Millimetres and grams. */
  height?: number
  width?: number
  thickness?: number
  weight?: number
  series?: { title: string; number?: string }[]
  /** Subject codes by scheme, with the heading that the file gives. */
  subjects?: { scheme: string; code: string; heading?: string }[]
  keywords?: string[]
  audience?: string[]
  /** Code list 196 (with a description where there is one). */
  accessibility?: { code: string; text?: string }[]
  related?: { relation: string; isbn: string }[]
  /** Code lists 64 and 65: what the publisher and the supplier say. */
  publishingStatus?: string
  availability?: string
  /** Link to the publisher's picture of the cover. */
  coverLink?: string
}

export const detailLimits = { entriesMax: 50, charactersMax: 500 } as const
