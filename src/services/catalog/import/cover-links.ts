import { type CoverOutcome, coversMax, fetchCovers } from '../cover/fetch-covers.ts'
import type { FetchOverrides } from '../cover/fetch-picture.ts'
import type { CatalogStore } from '../store/catalog-store.ts'
import type { ImportOptions, SourceRecord } from './source.ts'

/** The pictures of covers that an import's records name, to be fetched when all are written. */
export class CoverLinks {
  readonly #links = new Map<string, { record: SourceRecord; link: string }>()
  readonly #isAsked: boolean
  readonly #max: number
  /** The first picture beyond those that one import fetches, and how many there are. */
  #beyond: { record: SourceRecord; link: string; isbn: string; count: number } | undefined

  constructor({ covers, dryRun }: ImportOptions, max = coversMax) {
    this.#max = max
    this.#isAsked = covers === 'fetch' && dryRun !== true
  }

  note(record: SourceRecord): void {
    if (!this.#isAsked || record.kind !== 'book') return
    const link = record.book.details?.coverLink
    if (link === undefined) return
    const { isbn } = record.book
    if (this.#links.size < this.#max || this.#links.has(isbn)) this.#links.set(isbn, { record, link })
    else
      this.#beyond = {
        ...(this.#beyond ?? { record, link, isbn, count: 0 }),
        count: (this.#beyond?.count ?? 0) + 1,
      }
  }

  /** @throws the signal's reason; the database's error */
  async fetch(
    store: Pick<CatalogStore, 'books' | 'pictures'>,
    signal: AbortSignal,
    onOutcome: (record: SourceRecord, outcome: CoverOutcome) => void,
    world?: FetchOverrides,
  ): Promise<void> {
    const covers = [...this.#links].map(([isbn, { link }]) => ({ isbn, link }))
    const told = (outcome: CoverOutcome) => {
      const found = this.#links.get(outcome.isbn)
      if (found !== undefined) onOutcome(found.record, outcome)
    }
    await fetchCovers(store, covers, signal, told, world)
    if (this.#beyond === undefined) return
    const { record, link, isbn, count } = this.#beyond
    const message = `one import fetches ${this.#max} pictures: this one and ${count - 1} more are left; import them in a file of their own`
    onOutcome(record, { isbn, link, kind: 'none', message })
  }
}
