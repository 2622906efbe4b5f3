import { Findings } from '../../src/services/catalog/import/findings.ts'
import { readCsv } from '../../src/services/catalog/import/read-csv.ts'
import {
  type ImportedBook,
  type SourceRecord,
  shopDefaults,
} from '../../src/services/catalog/import/source.ts'

/** The records of CSV, read in pieces. */
export async function records(
  text: string | Uint8Array,
  charset?: string,
  findings = new Findings(),
): Promise<SourceRecord[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += 100) yield bytes.subarray(i, i + 100)
  }
  const options = {
    mapping: {},
    shop: shopDefaults,
    nowMs: 0,
    findings,
    ...(charset !== undefined && { charset }),
  }
  const found: SourceRecord[] = []
  for await (const record of readCsv(pieces(), options)) found.push(record)
  return found
}

export async function books(text: string | Uint8Array, charset?: string): Promise<ImportedBook[]> {
  return (await records(text, charset)).map((record) => {
    if (record.kind !== 'book') throw new Error(`line ${record.line}: ${JSON.stringify(record)}`)
    return record.book
  })
}

export const priceText = ({ price, priceIsUnreadable }: ImportedBook) =>
  price == null ? (priceIsUnreadable ? 'unreadable' : undefined) : `${price.amount} ${price.currency}`
export const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`
