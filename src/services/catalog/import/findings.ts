import type { Note } from './source.ts'

/** What a reader finds out about a file as a whole, for the import's report. */
export class Findings {
  /** `ONIX 3.0`, `CSV`, and the tool that wrote it where its shape tells. */
  format = ''
  encoding = ''
  /** What each field is read from, in CSV. */
  readonly mapping: { field: string; columns: string[] }[] = []
  /** Every column with what it is read as, and the first values it holds. */
  columns: { name: string; field: string | null; rank: number; samples: string[] }[] = []
  readonly #notRead = new Map<string, number>()
  readonly #defaults = new Map<string, { value: string; count: number }>()
  /** Rows that are no records: empty ones, further pictures of a product. */
  skipped = 0

  /** An element or a column that holds something and is not read. */
  noteNotRead(name: string, times = 1): void {
    const short = name.slice(0, 100)
    if (this.#notRead.size < namesMax || this.#notRead.has(short))
      this.#notRead.set(short, (this.#notRead.get(short) ?? 0) + times)
  }

  /** A value that the record does not have and the file or the shop gives. */
  noteDefault(field: string, value: string): void {
    const key = `${field}\n${value}`
    const found = this.#defaults.get(key)
    if (found !== undefined) found.count++
    else if (this.#defaults.size < namesMax) this.#defaults.set(key, { value, count: 1 })
  }

  get notRead(): { name: string; count: number }[] {
    return [...this.#notRead].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count)
  }

  get defaults(): { field: string; value: string; count: number }[] {
    return [...this.#defaults].map(([key, found]) => ({ field: key.split('\n', 1)[0] ?? '', ...found }))
  }
}

const namesMax = 500

/** Notes on one record, gathered while it is read. */
export class Notes {
  readonly list: Note[] = []

  repaired(field: string, from: string, to: string, message: string): void {
    if (this.list.length < notesMax)
      this.list.push({ field, kind: 'repaired', from: short(from), to: short(to), message })
  }

  leftOut(field: string, from: string, message: string): void {
    if (this.list.length < notesMax) this.list.push({ field, kind: 'left-out', from: short(from), message })
  }
}

const notesMax = 50
const short = (text: string) => text.slice(0, 200).replace(/[\uD800-\uDBFF]$/, '')
