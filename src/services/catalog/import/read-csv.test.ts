import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CsvOptions, readCsv } from './read-csv.ts'
import { type SourceRecord, UnreadableFile } from './source.ts'

/** Reads a file in pieces of the size that files are read in, into a list that keeps what came before a fault. */
async function read(
  text: string,
  records: SourceRecord[] = [],
  options: Partial<CsvOptions> = {},
): Promise<SourceRecord[]> {
  const bytes = Buffer.from(text)
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += 65_536) yield bytes.subarray(i, i + 65_536)
  }
  for await (const record of readCsv(pieces(), { mapping: {}, currency: 'EUR', nowMs: 0, ...options }))
    records.push(record)
  return records
}

test('a quote that is not closed ends the import after the records before it, and its line is named', async () => {
  const good = '9780441172719,Dune\n'
  const cases: [string, RegExp][] = [
    [good.repeat(200_000), /record that begins on line 302 is longer than 1024 KiB/],
    [good.repeat(20), /ends inside a quoted field of the record that begins on line 302/],
  ]
  for (const [rest, message] of cases) {
    const records: SourceRecord[] = []
    const file = `isbn,title\n${good.repeat(300)}9780441172719,"Dune\n${rest}`
    await assert.rejects(read(file, records), (error) => {
      assert.ok(error instanceof UnreadableFile, String(error))
      assert.match(error.message, message)
      return true
    })
    assert.equal(records.length, 300)
  }
})
