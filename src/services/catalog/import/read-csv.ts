import { Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { type ColumnMapping, type Columns, readColumns } from './columns.ts'
import { textOf } from './file-text.ts'
import { type SourceRecord, UnreadableFile } from './source.ts'
import { toBook } from './to-book.ts'

export type CsvOptions = { mapping: ColumnMapping; currency: string; nowMs: number }

/** A record of a book takes a few kilobytes; one this long has swallowed its neighbours after a stray quote. */
const recordBytesMax = 1024 * 1024

type Row = { record: string[]; info: { lines: number; records: number } }

/**
 * Reads a CSV file with a header, record by record: commas, semicolons or tabs, UTF-8 or UTF-16.
 * @throws UnreadableFile when it is no CSV, lacks the columns needed, or is cut off (after the records before the cut)
 */
export async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  options: CsvOptions,
): AsyncGenerator<SourceRecord> {
  const text = await textOf(bytes)
  // The first fault of the parser: what follows it cannot be told apart any more.
  let broken: CsvError | undefined
  const parser = parse({
    bom: true,
    delimiter: delimiterOf(text.head),
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: recordBytesMax,
    on_skip: (error) => {
      broken ??= error
      source.unpipe(parser)
      parser.end()
      return undefined
    },
  })
  const source = Readable.from(text)
  // A fault of the file ends the parser, and with it the loop below, instead of the process.
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  const reading = new Reading(options)
  try {
    for await (const row of parser as AsyncIterable<Row>) {
      if (broken !== undefined && row.info.records > Number(broken.records)) break
      const record = reading.next(row)
      if (record !== undefined) yield record
    }
    if (broken !== undefined) throw reading.broken(broken)
    reading.end(text.endsWithNewline())
  } finally {
    source.destroy()
  }
}

class Reading {
  readonly #options: CsvOptions
  #columns: Columns | undefined
  #width = 0
  #records = 0
  #line = 0
  /** Line of the last record read, when it has too few fields. */
  #short: number | undefined

  constructor(options: CsvOptions) {
    this.#options = options
  }

  next({ record: cells, info }: Row): SourceRecord | undefined {
    const line = this.#line + 1
    this.#line = Math.max(info.lines, line)
    if (this.#columns === undefined) {
      this.#readHeader(cells)
      return undefined
    }
    this.#records++
    const place = { record: this.#records, line }
    this.#short = cells.length < this.#width ? line : undefined
    if (cells.length !== this.#width) {
      const message = `has ${cells.length} fields where the header has ${this.#width}`
      return { kind: 'wrong', ...place, message }
    }
    const { currency, nowMs } = this.#options
    const result = toBook(cells, this.#columns, { currency, nowMs })
    if (result.kind === 'ok') return { ...place, kind: 'book', book: result.book }
    return { ...place, kind: 'wrong', field: result.field, message: result.message }
  }

  #readHeader(cells: string[]): void {
    const found = readColumns(cells, this.#options.mapping)
    if (found.kind === 'error') throw new UnreadableFile(found.message)
    this.#columns = found.columns
    this.#width = cells.length
  }

  /** Why the parser could not go on after the last record read. */
  broken(error: CsvError): UnreadableFile {
    const record = `the record that begins on line ${this.#line + 1}`
    if (error.code === 'CSV_QUOTE_NOT_CLOSED')
      return new UnreadableFile(
        `the file ends inside a quoted field of ${record}: it is cut off, or a quote is missing`,
      )
    if (error.code === 'CSV_MAX_RECORD_SIZE')
      return new UnreadableFile(
        `${record} is longer than ${recordBytesMax / 1024} KiB: a quote is opened and not closed`,
      )
    return new UnreadableFile(`${record} cannot be read: ${error.message}`)
  }

  /** @throws UnreadableFile when the last record stops in the middle */
  end(endsWithNewline: boolean): void {
    if (this.#columns === undefined) throw new UnreadableFile('the file has no header and no records')
    if (this.#short !== undefined && !endsWithNewline)
      throw new UnreadableFile(
        `the file ends in the middle of the record on line ${this.#short}: it is cut off`,
      )
  }
}

/** The candidate that the first line has most of, outside quotes. */
function delimiterOf(head: string): string {
  const line = (head.split(/[\r\n]/, 1)[0] ?? '').replace(/"[^"]*"/g, '')
  const count = (delimiter: string) => line.split(delimiter).length
  return [',', ';', '\t', '|'].reduce((best, each) => (count(each) > count(best) ? each : best))
}
