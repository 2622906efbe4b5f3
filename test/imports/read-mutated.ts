import assert from 'node:assert/strict'
import { isCurrency } from '#kernel/currencies'
import { parseIsbn } from '#kernel/isbn'
import { amountMax } from '#kernel/money'
import { Findings } from '../../src/services/catalog/import/findings.ts'
import { readCatalogue } from '../../src/services/catalog/import/read-catalogue.ts'
import { type Shop, type SourceRecord, UnreadableFile } from '../../src/services/catalog/import/source.ts'

const shop: Shop = { country: 'DE', currency: 'EUR', timeZone: 'Europe/Berlin' }
const mutatedAtMs = Date.UTC(2026, 5, 15)
/** As pieces of a body come over a line. */
const pieceBytes = 16 * 1024

/** What became of its rows and products, in how much time of the processor. */
export type Outcome = { books: number; wrong: number; skipped: number; isUnreadable: boolean; ms: number }

/**
 * Reads a damaged catalogue to its end.
 * @throws AssertionError for a record that cannot be one; whatever the readers throw beyond what they may
 */
export async function readMutated(
  bytes: Buffer,
  onRecord?: (record: SourceRecord) => void,
): Promise<Outcome> {
  const outcome: Outcome = { books: 0, wrong: 0, skipped: 0, isUnreadable: false, ms: 0 }
  const findings = new Findings()
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += pieceBytes) yield bytes.subarray(i, i + pieceBytes)
  }
  const start = process.cpuUsage()
  try {
    for await (const record of readCatalogue(pieces(), { mapping: {}, shop, nowMs: mutatedAtMs, findings })) {
      if (record.kind === 'wrong') outcome.wrong++
      else outcome.books++
      checkRecord(record)
      onRecord?.(record)
    }
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error
    assert.ok(error.message.length > 10 && error.message.length < 10_000, error.message.slice(0, 200))
    outcome.isUnreadable = true
  }
  const { user, system } = process.cpuUsage(start)
  outcome.skipped = findings.skipped
  outcome.ms = (user + system) / 1000
  assert.ok(findings.notRead.length <= 500 && findings.defaults.length <= 500)
  return outcome
}

/** A record is either told to be wrong, or a book that can be kept whole. */
function checkRecord(record: SourceRecord): void {
  assert.ok(Number.isInteger(record.record) && record.record > 0)
  if (record.kind === 'wrong') {
    assert.ok(record.message.length > 5 && record.message.length < 5_000)
    return
  }
  if (record.kind === 'deletion') {
    assert.ok(isIsbn(record.isbn))
    return
  }
  const { book, notes = [] } = record
  assert.ok(isIsbn(book.isbn), book.isbn)
  assert.ok(book.title === undefined || (book.title.trim() !== '' && book.title.length <= 500))
  for (const price of [book.price, ...(book.prices ?? [])])
    if (price != null) {
      assert.ok(isCurrency(price.currency), price.currency)
      assert.ok(Number.isInteger(price.amount) && price.amount >= 0 && price.amount <= amountMax)
    }
  assert.ok(JSON.stringify(book).length < 400_000, 'a book stays small')
  assert.ok(JSON.stringify(book).isWellFormed() && JSON.stringify(notes).isWellFormed())
  assert.ok(notes.length <= 50)
}

function isIsbn(text: string): boolean {
  const parsed = parseIsbn(text)
  return parsed.kind === 'ok' && parsed.isbn === text
}
