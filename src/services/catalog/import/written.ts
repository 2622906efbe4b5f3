import type { Note } from './source.ts'

/** What became of a record, or would become of it in a dry run. */
export type Written = {
  kind: 'new' | 'changed' | 'unchanged' | 'removed'
  isbn: string
  title: string
  changes: { field: string; from: string; to: string }[]
  isWithoutPrice: boolean
  hasDefaultPrice: boolean
  copiesIgnored: boolean
  copiesSet: boolean
  /** What could not be done with a value, as only the catalogue tells. */
  notes: Note[]
}

/** By ISBN; books that are not in the catalogue, and cannot be added because their records have no title, are not in it. */
export type BatchResult = ReadonlyMap<string, Written>
