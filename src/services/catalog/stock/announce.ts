import type { Statements } from '#ports/database'
import { type BookRow, toAvailability } from '../books/book-row.ts'
import { type StockChanged, stockChangedTopic } from '../contract.ts'

/** Tells everyone who watches these books what can be had of them now, when the surrounding transaction commits. */
export async function announce(
  statements: Statements,
  rows: readonly BookRow[],
  nowMs: number,
): Promise<void> {
  if (rows.length === 0) return
  const message: StockChanged = { books: rows.map((row) => toAvailability(row, nowMs)) }
  await statements.execute('insert into catalog.outbox (topic, payload) values ($1, $2)', [
    stockChangedTopic,
    JSON.stringify(message),
  ])
}
