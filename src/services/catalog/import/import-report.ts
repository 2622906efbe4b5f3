import type { ImportReport } from '../contract.ts'
import type { CoverOutcome } from '../cover/fetch-covers.ts'
import type { Findings } from './findings.ts'
import type { Note, SourceRecord } from './source.ts'
import type { Written } from './written.ts'

/** The first notes and books are kept for show; what they come to is always whole. */
const notesKeptMax = 1000
const previewMax = 100

/** Gathers what an import did beyond taking and refusing records. */
export class ReportBuilder {
  readonly #findings: Findings
  readonly #notes: ImportReport['notes'] = []
  readonly #preview: ImportReport['preview'] = []
  #repaired = 0
  #leftOut = 0
  #withoutPrice = 0
  #priced = 0
  #copiesIgnored = 0
  #copiesSet = 0
  #removed = 0
  #coversFetched = 0

  constructor(findings: Findings) {
    this.#findings = findings
  }

  note({ record, line }: SourceRecord, notes: readonly Note[]): void {
    for (const note of notes) {
      if (note.kind === 'repaired') this.#repaired++
      else this.#leftOut++
      if (this.#notes.length < notesKeptMax)
        this.#notes.push({ record, ...(line !== undefined && { line }), ...note })
    }
  }

  written({ record, line }: SourceRecord, written: Written): void {
    if (written.isWithoutPrice) this.#withoutPrice++
    if (written.hasDefaultPrice) this.#priced++
    if (written.copiesIgnored) this.#copiesIgnored++
    if (written.copiesSet) this.#copiesSet++
    if (written.kind === 'removed') this.#removed++
    if (written.kind === 'unchanged' || this.#preview.length >= previewMax) return
    const { kind, isbn, title, changes } = written
    this.#preview.push({ record, ...(line !== undefined && { line }), kind, isbn, title, changes })
  }

  cover(record: SourceRecord, outcome: CoverOutcome): void {
    if (outcome.kind === 'fetched') this.#coversFetched++
    if (outcome.kind === 'none')
      this.note(record, [
        { field: 'cover', kind: 'left-out', from: outcome.link.slice(0, 200), message: outcome.message },
      ])
  }

  report(): ImportReport {
    const { format, encoding, mapping, columns, notRead, defaults, skipped } = this.#findings
    return {
      format,
      encoding,
      mapping,
      ...(columns.length > 0 && { columns }),
      notRead,
      defaults:
        this.#priced === 0
          ? defaults
          : [...defaults, { field: 'price', value: 'the import’s', count: this.#priced }],
      skipped,
      repaired: this.#repaired,
      leftOut: this.#leftOut,
      withoutPrice: this.#withoutPrice,
      copiesIgnored: this.#copiesIgnored,
      copiesSet: this.#copiesSet,
      removed: this.#removed,
      coversFetched: this.#coversFetched,
      notes: this.#notes,
      preview: this.#preview,
    }
  }
}
