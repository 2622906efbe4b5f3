export type CoverBook = { isbn: string }
export function coverUrl(book: CoverBook): string {
  return `/api/books/${book.isbn}/cover.svg`
}
export function drawCover(book: CoverBook): string {
  return `<svg>${book.isbn}</svg>`
}
