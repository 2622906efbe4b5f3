import type { Clock } from '#ports/clock'
import { followLog } from '#ports/postgres'
import type { OthersWrote } from '../catalog-store.ts'

const outbox = 'catalog.outbox'
/** Of a transaction that wrote more than so many rows none is named. */
const namedMax = 1_000

/** Hears of what others wrote in the log of the database: of each transaction that left no message in the outbox. */
export function hearOfOthers(
  url: string,
  applicationName: string,
  clock: Clock,
  heard: (wrote: OthersWrote) => void,
) {
  let isbns = new Set<string>()
  let isMany = false
  let isTold = false
  return followLog(url, {
    ...{ applicationName: `${applicationName}-log`, clock, name: 'octavo_catalog' },
    publications: ['catalog_written', 'catalog_told'],
    onBegun() {
      heard({ kind: 'anything' })
    },
    onRow(table, isbn) {
      if (table === outbox) isTold = true
      else if (isbns.size < namedMax) isbns.add(isbn)
      else isMany = true
    },
    onEmptied() {
      isMany = true
    },
    onCommitted() {
      if (!isTold && isMany) heard({ kind: 'anything' })
      else if (!isTold && isbns.size > 0) heard({ kind: 'titles', isbns: [...isbns] })
      isbns = new Set()
      isMany = false
      isTold = false
    },
  })
}
