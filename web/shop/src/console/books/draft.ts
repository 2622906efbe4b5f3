import type { BookVersion } from '../api.ts'
import type { BookForm } from './book-form.ts'

export type Draft = { form: BookForm; version: BookVersion | undefined }

const newBook = 'new'
let kept: { key: string; draft: Draft } | undefined

/** Keeps what was typed when the session ended in the middle of it, until the same page is open again. */
export function keepDraft(isbn: string | undefined, draft: Draft): void {
  kept = { key: isbn ?? newBook, draft }
}

/** The draft of this book (of a new one without `isbn`), once. */
export function takeDraft(isbn: string | undefined): Draft | undefined {
  if (kept?.key !== (isbn ?? newBook)) return undefined
  const { draft } = kept
  kept = undefined
  return draft
}
