import type { ColumnMapping } from './columns.ts'
import type { Findings } from './findings.ts'
import type { Shop } from './source.ts'

/** What a reader of catalogues goes by, whatever the file is. */
export type ReadOptions = {
  mapping: ColumnMapping
  shop: Shop
  nowMs: number
  /** What whoever sent the file says that it is encoded in. */
  charset?: string
  /** Gathers what is found out about the file as a whole. */
  findings?: Findings
}
