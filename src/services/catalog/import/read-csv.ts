import { Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { type Columns, columnsMax, importFields, plain, readColumns } from './columns.ts'
import { sampleCellsMax, sampleMax, withShape } from './csv-shape.ts'
import { type CsvStart, csvStart } from './csv-start.ts'
import { textOf } from './file-text.ts'
import { Findings, Notes } from './findings.ts'
import type { ReadOptions } from './read-options.ts'
import { type SourceRecord, UnreadableFile } from './source.ts'
import { toBook } from './to-book.ts'

/** A record of a book takes a few kilobytes; one this long has swallowed its neighbours after a stray quote. */
const recordBytesMax = 1024 * 1024

/** Of each column, for whoever maps it. */
const columnsShownMax = 200
const samplesMax = 3
const shortened = (text: string) => (text.length > 60 ? `${text.slice(0, 59)}…` : text).toWellFormed()

type Row = { record: string[]; info: { lines: number; records: number } }

/**
 * Reads a CSV file with a header, record by record: commas, semicolons, tabs or bars, in whichever encoding.
 * @throws UnreadableFile when it is no CSV, lacks the columns needed, or is cut off (after the records before the cut)
 */
export async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<SourceRecord> {
  const text = await textOf(bytes, options.charset)
  const start = await csvStart(text)
  // The first fault of the parser: what follows it cannot be told apart any more.
  let broken: CsvError | undefined
  const parser = parse({
    bom: true,
    delimiter: start.delimiter,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    // `a, "b"`: a blank after the comma, as people write it.
    ltrim: true,
    record_delimiter: start.lineEnds,
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
  const source = Readable.from(start.pieces)
  // A fault of the file ends the parser, and with it the loop below, instead of the process.
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  const reading = new Reading(options, start, () => text.encoding)
  try {
    for await (const row of parser as AsyncIterable<Row>) {
      if (broken !== undefined && row.info.records > Number(broken.records)) break
      yield* reading.next(row)
    }
    yield* reading.rest(broken === undefined && !text.endsWithNewline())
    if (broken !== undefined) throw reading.broken(broken)
    reading.end()
  } finally {
    source.destroy()
  }
}

/** A row with its place, waiting until the sample is whole, or until it is known not to be cut off. */
type Waiting = { cells: string[]; record: number; line: number }
const ownOfVariant = ['isbn', 'price', 'priceAmount', 'currency', 'copies'] as const
/** Rows above the header: a title, who made the list. */
const rowsAboveHeaderMax = 10

class Reading {
  readonly #options: ReadOptions
  readonly #findings: Findings
  readonly #delimiter: string
  readonly #encoding: () => string
  #columns: Columns | undefined
  #isShaped = false
  #header: string[] = []
  #unread: number[] = []
  #refusal = ''
  #refusalWidth = 0
  #rowsAbove = 0
  #records = 0
  #line: number
  #sample: Waiting[] = []
  #sampleCells = 0
  /** The last row, when it has too few fields: it may be where the file was cut off. */
  #short: Waiting | undefined
  #shortRows = 0
  /** The last row of Shopify that has a title. */
  #product: string[] | undefined

  constructor(options: ReadOptions, start: CsvStart, encoding: () => string) {
    this.#options = options
    this.#findings = options.findings ?? new Findings()
    this.#delimiter = start.delimiter
    this.#line = start.linesSkipped
    this.#encoding = encoding
  }

  *next({ record: cells, info }: Row): Generator<SourceRecord> {
    const line = this.#line + 1
    this.#line = Math.max(info.lines, line)
    if (this.#columns === undefined) {
      this.#readHeader(cells)
      return
    }
    yield* this.#takeShort()
    if (cells.every((cell) => cell.trim() === '') || this.#isContinuation(cells)) {
      this.#findings.skipped++
      return
    }
    const waiting = { cells: this.#withProduct(cells), record: ++this.#records, line }
    if (cells.length < this.#header.length) this.#short = waiting
    else yield* this.#take(waiting)
  }

  /** @param isCut whether the file ends without a line's end */
  *rest(isCut: boolean): Generator<SourceRecord> {
    const cut = isCut && this.#shortRows === 0 ? this.#short : undefined
    if (cut === undefined) yield* this.#takeShort()
    this.#short = undefined
    yield* this.#readSample()
    if (cut !== undefined)
      throw new UnreadableFile(`the file ends in the middle of the record on line ${cut.line}: it is cut off`)
  }

  *#takeShort(): Generator<SourceRecord> {
    const short = this.#short
    if (short === undefined) return
    this.#short = undefined
    this.#shortRows++
    yield* this.#take(short)
  }

  *#take(waiting: Waiting): Generator<SourceRecord> {
    if (this.#isShaped) yield this.#recordOf(waiting)
    else {
      this.#sample.push(waiting)
      this.#sampleCells += waiting.cells.length
      if (this.#sample.length >= sampleMax || this.#sampleCells >= sampleCellsMax) yield* this.#readSample()
    }
  }

  *#readSample(): Generator<SourceRecord> {
    if (this.#columns === undefined || this.#isShaped) return
    this.#isShaped = true
    const rows = this.#sample
    this.#sample = []
    this.#columns = withShape(
      this.#columns,
      rows.map(({ cells }) => cells),
      this.#delimiter,
    )
    this.#tellMapping(this.#columns)
    this.#tellColumns(this.#columns, rows)
    for (const row of rows) yield this.#recordOf(row)
  }

  #recordOf({ cells, record, line }: Waiting): SourceRecord {
    this.#findings.encoding = this.#encoding()
    const place = { record, line }
    const width = this.#header.length
    if (cells.slice(width).some((cell) => cell.trim() !== '')) {
      const message = `has ${cells.length} fields where the header has ${width}`
      return { kind: 'wrong', ...place, message }
    }
    for (const index of this.#unread)
      if ((cells[index] ?? '').trim() !== '')
        this.#findings.noteNotRead(this.#header[index] || `column ${index + 1}`)
    const notes = new Notes()
    const { shop, nowMs } = this.#options
    const result = toBook(cells, this.#columns ?? new Map(), { shop, nowMs, findings: this.#findings, notes })
    if (result.kind === 'error')
      return { ...place, kind: 'wrong', field: result.field, message: result.message }
    return { ...place, kind: 'book', book: result.book, ...(notes.list.length > 0 && { notes: notes.list }) }
  }

  /** Shopify and WooCommerce write further pictures and variants of a product as rows without its title and number. */
  #isContinuation(cells: readonly string[]): boolean {
    const filled = (field: 'isbn' | 'title') =>
      this.#columns?.get(field)?.some(({ index }) => (cells[index] ?? '').trim() !== '') === true
    return /^(?:Shopify|WooCommerce)/.test(this.#findings.format) && !filled('isbn') && !filled('title')
  }

  /** Further variants of a product of Shopify tell only what is their own: the rest is that of its first row. */
  #withProduct(cells: string[]): string[] {
    if (!this.#findings.format.startsWith('Shopify')) return cells
    const handle = this.#header.findIndex((name) => plain(name) === 'handle')
    const titles = this.#columns?.get('title') ?? []
    if (titles.some(({ index }) => (cells[index] ?? '').trim() !== '')) this.#product = cells
    const product = this.#product
    if (product === undefined || product === cells || product[handle] !== cells[handle]) return cells
    const own = new Set(
      ownOfVariant.flatMap((field) => this.#columns?.get(field) ?? []).map(({ index }) => index),
    )
    return cells.map((cell, i) => (cell.trim() === '' && !own.has(i) ? (product[i] ?? '') : cell))
  }

  #readHeader(cells: string[]): void {
    const found = readColumns(cells, this.#options.mapping, this.#options.shop)
    if (found.kind === 'ok') {
      this.#columns = found.columns
      this.#header = cells.map((cell) => cell.trim())
      this.#findings.format = found.tool === undefined ? 'CSV' : `${found.tool} (CSV)`
      return
    }
    // Rows above the table hold its title, a date, who made it; the likeliest header is one that names a column that is
    // known, else the widest.
    const filled = cells.filter((cell) => cell.trim() !== '').length
    const width = filled + (found.columnsKnown ?? 0) * columnsMax
    if (width > this.#refusalWidth) [this.#refusal, this.#refusalWidth] = [found.message, width]
    if (found.isFinal === true || ++this.#rowsAbove > rowsAboveHeaderMax)
      throw new UnreadableFile(this.#refusal)
  }

  #tellMapping(columns: Columns): void {
    const used = new Set<number>()
    for (const field of importFields) {
      const found = columns.get(field)
      if (found === undefined) continue
      for (const { index } of found) used.add(index)
      this.#findings.mapping.push({ field, columns: found.map(({ name }) => name.trim()) })
    }
    this.#unread = this.#header.map((_name, index) => index).filter((index) => !used.has(index))
  }

  #tellColumns(columns: Columns, rows: readonly Waiting[]): void {
    const uses = new Map(
      [...columns].flatMap(([field, found]) => found.map(({ index }, rank) => [index, { field, rank }])),
    )
    this.#findings.columns = this.#header.slice(0, columnsShownMax).map((name, index) => {
      const filled = rows.map(({ cells }) => (cells[index] ?? '').trim()).filter((text) => text !== '')
      const samples = [...new Set(filled)].slice(0, samplesMax).map((text) => shortened(text))
      return { name: name.slice(0, 100).toWellFormed(), field: null, rank: 0, ...uses.get(index), samples }
    })
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

  /** @throws UnreadableFile for a file without a header */
  end(): void {
    if (this.#columns === undefined)
      throw new UnreadableFile(this.#refusal || 'the file has no header and no records')
  }
}
