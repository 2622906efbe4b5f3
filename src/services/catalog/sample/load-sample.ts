import { createReadStream } from 'node:fs'
import type { Clock } from '#ports/clock'
import type { Database } from '#ports/database'
import { readCsv } from '../import/read-csv.ts'
import { runImport } from '../import/run-import.ts'
import { importDefaults, shopDefaults } from '../import/source.ts'

const file = new URL('./books.csv', import.meta.url)
const mark = 'sample catalogue'
/** How long a process waits for another one that is loading. */
const waitMax = '60s'

/**
 * Fills a catalogue that never held a book with the sample one, once in its life. Processes that start together wait
 * for each other; one that dies half-way leaves the rest to the next.
 */
export async function loadSample(database: Database, clock: Clock): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.execute(`set local lock_timeout = '${waitMax}'`)
    await tx.execute(`set local statement_timeout = '${waitMax}'`)
    // The lock is held while the books are written on other connections; its end tells who waits that they are there.
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`catalog: ${mark}`])
    const [state] = await tx.query<{ done: boolean; begun: boolean; empty: boolean }>(
      `select exists (select from catalog.marks where name = $1) as done,
         exists (select from catalog.marks where name = $2) as begun,
         not exists (select from catalog.books) as empty`,
      [mark, `${mark} begun`],
    )
    if (state === undefined || state.done) return
    if (state.begun || state.empty) {
      await database.execute('insert into catalog.marks (name) values ($1) on conflict do nothing', [
        `${mark} begun`,
      ])
      const records = readCsv(createReadStream(file), {
        mapping: {},
        shop: shopDefaults,
        nowMs: clock.now(),
      })
      const counts = await runImport(database, clock, records, importDefaults, {
        onRejected: ({ line, field, message }) =>
          console.warn(`catalog: sample catalogue, line ${line}: ${field ?? ''} ${message}`),
      })
      console.log(`catalog: loaded the sample catalogue: ${counts.created} books`)
    }
    await tx.execute('insert into catalog.marks (name) values ($1) on conflict do nothing', [mark])
  })
}
