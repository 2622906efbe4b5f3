import { type CoverOutcome, coversMax, fetchCovers } from '../cover/fetch-covers.ts'
import type { FetchOverrides } from '../cover/fetch-picture.ts'
import type { CatalogStore } from '../store/catalog-store.ts'
import type { ImportOptions, SourceRecord } from './source.ts'

/** The pictures of covers that an import's records name, to be fetched when all are written. */
export class CoverLinks {
  readonly #links = new Map<string, { record: SourceRecord; link: string }>()
  readonly #isAsked: boolean

  constructor({ covers, dryRun }: ImportOptions) {
    this.#isAsked = covers === 'fetch' && dryRun !== true
  }

  note(record: SourceRecord): void {
    if (!this.#isAsked || record.kind !== 'book') return
    const link = record.book.details?.coverLink
    if (link !== undefined && this.#links.size < coversMax)
      this.#links.set(record.book.isbn, { record, link })
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
  }
}
