import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCsv } from './read-csv.ts'
import type { ReadOptions } from './read-options.ts'
import { type SourceRecord, shopDefaults, UnreadableFile } from './source.ts'

/** Reads a file in pieces of the size that files are read in, into a list that keeps what came before a fault. */
async function read(
  text: string,
  records: SourceRecord[] = [],
  options: Partial<ReadOptions> = {},
): Promise<SourceRecord[]> {
  const bytes = Buffer.from(text)
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += 65_536) yield bytes.subarray(i, i + 65_536)
  }
  for await (const record of readCsv(pieces(), { mapping: {}, shop: shopDefaults, nowMs: 0, ...options }))
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

async function priceIn(price: string, currency: string, column = ''): Promise<string | undefined> {
  const [record] = await read(`isbn,title,price,currency\n9780441172719,Dune,"${price}",${column}\n`, [], {
    shop: { ...shopDefaults, currency },
  })
  if (record?.kind !== 'book') return record?.kind === 'wrong' ? record.message : undefined
  if (record?.book.price == null) return record?.notes?.[0]?.message
  return `${record?.book.price?.amount} ${record?.book.price?.currency}`
}

test('the symbol of a price says its currency where neither a code nor a column does', async () => {
  assert.equal(await priceIn('£9.99', 'EUR'), '999 GBP')
  assert.equal(await priceIn('9,99 €', 'GBP'), '999 EUR')
  assert.equal(await priceIn('¥1500', 'EUR'), '1500 JPY')
  assert.equal(await priceIn('¥15', 'CNY'), '1500 CNY')
  assert.equal(await priceIn('£9.99', 'EUR', 'fkp'), '999 FKP')
  assert.equal(await priceIn('9.99', 'EUR'), '999 EUR')
  assert.equal(await priceIn('CHF 9.99', 'EUR'), '999 CHF')
})

test('a dollar sign alone is no known price unless the currency is told and is a dollar', async () => {
  assert.equal(await priceIn('$9.99', 'EUR'), '"$9.99" does not say which currency $ stands for')
  assert.equal(await priceIn('$9.99', 'CAD'), '999 CAD')
  assert.equal(await priceIn('$9.99', 'EUR', 'USD'), '999 USD')
})

test('decimals that a currency does not have may be zeros', async () => {
  assert.equal(await priceIn('1500.00', 'JPY'), '1500 JPY')
  assert.equal(await priceIn('1500.50', 'JPY'), '"1500.50" is not a price in JPY')
  assert.equal(await priceIn('1.500', 'KWD'), '1500 KWD')
  assert.equal(await priceIn('12.5', 'JOD'), '12500 JOD')
})

test('a value in a message is never cut inside a character', async () => {
  for (const column of ['isbn', 'price', 'year', 'language', 'limited', 'copies', 'salesopenat']) {
    const cell = `${'x'.repeat(39)}\u{1f4d6}\u{1f4d6}`
    const [record] = await read(
      column === 'isbn' ? `isbn,title\n${cell},Dune\n` : `isbn,title,${column}\n9780441172719,Dune,${cell}\n`,
    )
    const message =
      record?.kind === 'wrong'
        ? record.message
        : ((record?.kind === 'book' ? record.notes?.[0]?.message : undefined) ?? 'was taken')
    assert.ok(message.includes(`${'x'.repeat(20)}`), `${column} ${message}`)
    assert.ok(message.isWellFormed(), column)
  }
})
