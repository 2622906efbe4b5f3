import type { Clock } from '#ports/clock'
import type { Database } from '#ports/database'
import type { Fence } from '#ports/lease'
import type { ObjectStore } from '#ports/object-store'
import type { withCut } from './cut.ts'

/** The moments of a load at which a test lets it die. */
export const loadPoints = [
  ...([
    'locked',
    'marked',
    'cut',
    'orders-read',
    'books-read',
    'stock-read',
    'staged',
    'merged',
    'agreed',
  ] as const),
  ...(['part-stored', 'parts-stored', 'published', 'shown', 'swept'] as const),
] as const
export type LoadPoint = (typeof loadPoints)[number]

export type Loading = {
  orderDb: Database
  bookDb: Database
  objects: ObjectStore
  /** Keys the pseudonyms. */
  secret: string
  /** The warehouse's folder on this machine. */
  root: string
  /** The turn that this load is of; without one the database's lock alone keeps others away. */
  fence?: Fence | undefined
  /** Reads everything again instead of what has changed. */
  whole?: boolean
  /** How long what was replaced is kept for whoever reads it. */
  keepMs?: number
  memoryMb?: number
  clock?: Clock
  onPoint?: (point: LoadPoint) => Promise<void>
  /** Stands in for the cut, in builds of which something is expected to break. */
  openCut?: typeof withCut
}
