/** Pictures of covers that were fetched from elsewhere, one a book. */
export type PictureStore = {
  find(isbn: string): Promise<Picture | undefined>
  /** The addresses that the pictures of these books were fetched from. */
  sourcesOf(isbns: readonly string[]): Promise<Map<string, string>>
  /** Keeps the picture of a book that is there, in the place of an earlier one. */
  put(isbn: string, picture: Picture): Promise<void>
}

export type Picture = {
  type: string
  bytes: Buffer
  /** The address it was fetched from. */
  source: string
}
