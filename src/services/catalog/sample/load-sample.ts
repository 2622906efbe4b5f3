import { createReadStream } from 'node:fs'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import { readCsv } from '../import/read-csv.ts'
import { runImport } from '../import/run-import.ts'
import { importDefaults, shopDefaults } from '../import/source.ts'
import type { BookStore } from '../store/book-store.ts'

const log = logger('catalog')

const file = new URL('./books.csv', import.meta.url)

/** Fills a catalogue that never held a book with the sample one, once in its life. */
export async function loadSample(books: BookStore, clock: Clock): Promise<void> {
  await books.fillOnce('sample catalogue', async () => {
    const records = readCsv(createReadStream(file), {
      mapping: {},
      shop: shopDefaults,
      nowMs: clock.now(),
    })
    const counts = await runImport(books, clock, records, importDefaults, {
      onRejected: ({ line, field, message }) =>
        log.warn('a record of the sample catalogue was not taken', { line, field, fault: message }),
    })
    log.info('loaded the sample catalogue', { books: counts.created })
  })
}
