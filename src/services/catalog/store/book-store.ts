import type { Fence } from '#ports/lease'
import type { StockChanged } from '#services/catalog'
import type { BookRow } from '../books/book-row.ts'
import type { BookEntry, BookKeys } from '../search/book-keys.ts'
import type { Search, WordSearch } from '../search/word-search.ts'

/** Reading books for display. */
export type BookReader = BookFinder & {
  find(isbn: string): Promise<BookRow | undefined>
  /** One page of a list. */
  page(query: PageQuery): Promise<BookPage>
  /** How many books a list has, and what each facet would leave. */
  counts(filter: BookFilter): Promise<BookCounts>
}

/** Books with their stock: reading, finding and editing. Stock itself moves in `StockStore`. */
export type BookStore = BookReader & {
  /** Books whose sale opened after that place and not after `untilMs`, in order of opening and then of ISBN. */
  salesOpened(after: { atMs: number; isbn: string }, untilMs: number, limit: number): Promise<BookRow[]>
  /** Books whose price may have changed by `untilMs` because a period began or ended, the longest due first. */
  pricesDue(untilMs: number, limit: number): Promise<string[]>
  /** All books in the order of their ISBNs after one, for whoever reads the whole catalogue. */
  booksAfter(isbn: string, limit: number): Promise<BookRow[]>
  /**
   * Sends news that no change comes with, and notes how far whoever tells of it has come.
   * @throws LostFence when it is another's turn: nothing is sent
   */
  announce(news: StockChanged, turn: { fence: Fence; place: string }): Promise<void>
  /**
   * Runs `work` in one transaction, which is kept when it resolves and rolled back when it throws.
   * @throws Unstorable for a value that this store cannot hold; ConstraintViolation for one it refuses
   */
  change<T>(work: (changes: BookChanges) => Promise<T>): Promise<T>
  /**
   * Runs `fill` once in the life of the store, if it does not hold a book yet. Processes that come together wait for
   * each other; where one died half-way, the next one fills again.
   */
  fillOnce(mark: string, fill: () => Promise<void>): Promise<void>
  /**
   * Stores new keys for up to `limit` books whose keys are of an older version, leaving out those that somebody else is
   * busy with. @returns how many
   */
  renewKeys(version: number, limit: number, keysOf: (book: BookRow) => BookKeys): Promise<number>
}

/** What reading a search box needs to know. */
export type BookFinder = {
  /** Those of the ISBNs that there are books of. */
  knownIsbns(isbns: readonly string[]): Promise<string[]>
  /** Those of the folded words that some book's word begins with. */
  knownBeginnings(words: readonly string[]): Promise<ReadonlySet<string>>
  /** Those of the folded words that some book has as they are. */
  knownWords(words: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * For each folded word up to `limit` words of books that look like it, the likest first. It may be generous: how far
   * they are off is measured by the caller.
   */
  alike(words: readonly string[], limit: number): Promise<string[][]>
  /** Whether any book matches. */
  finds(search: WordSearch): Promise<boolean>
}

export type BookChanges = {
  /** Locks books in the order of their ISBNs against other edits, and reads them; orders go on taking copies. */
  lock(isbns: readonly string[]): Promise<Map<string, BookRow>>
  /** The same with its stock, which then does not move either. */
  lockWithStock(isbn: string): Promise<BookRow | undefined>
  /** Locks the stock of books in the order of their ISBNs, and reads it. */
  lockStock(isbns: readonly string[]): Promise<Map<string, StockCounts>>
  /** Adds to the copies owned of books whose stock was locked, and notes it in the ledger. */
  moveCopies(moves: readonly { isbn: string; copies: number }[], reason: string): Promise<void>
  /** Adds those that are not there yet, with their stock, and its opening in the ledger. @returns how many */
  add(books: readonly NewBookEntry[]): Promise<number>
  /** Replaces all fields of books that were locked; one that changes nothing keeps its version. */
  replace(books: readonly BookEntry[]): Promise<void>
  /** Removes a book that was locked with its stock; the ledger notes its copies as removed. */
  remove(book: BookRow): Promise<void>
  /** Goes out with the change. */
  announce(news: StockChanged): Promise<void>
}

export type StockCounts = { isbn: string; copies: number; held: number; sold: number }

export type NewBookEntry = BookEntry & { copies: number; reason: string | null }

/** The conditions of a list; a facet counts without its own. */
export type BookFilter = {
  search: Search
  subject?: string
  /** The beginning of the word of a Thema code: the category and everything below it. */
  themaWord?: string
  format?: string
  /** `en` finds `en-GB` as well, in any case, but not the other way round. RFC 4647 section 3.3.1. */
  language?: string
  limited?: boolean
  /** Whether a copy can be bought at `nowMs`. */
  available?: boolean
  nowMs: number
  /** Minor units, both included. */
  minPrice?: number
  maxPrice?: number
}

/**
 * How a list is ordered; every order ends in the ISBN. Texts compare by code point. `relevance` goes by the title's
 * score (`TitleScore`), then by how well the words fit in coarse steps, then by copies sold. Of more books than are
 * counted a store may rank the likeliest alone, and its pages end with those.
 */
export type BookOrder = 'title' | 'price' | '-price' | '-publishedOn' | 'bestselling' | 'relevance'

/** A row's place in its order: as many keys as the order has (`orderKeys`), and the ISBN. */
export type Place = readonly (string | number)[]

/** The keys of each order, before the ISBN. A store chooses the numbers of relevance; they are whole. */
export const orderKeys: Readonly<Record<BookOrder, readonly ('string' | 'number')[]>> = {
  title: ['string'],
  price: ['number'],
  '-price': ['number'],
  '-publishedOn': ['number'],
  bestselling: ['number'],
  relevance: ['number', 'number'],
}

export type PageQuery = {
  filter: BookFilter
  order: BookOrder
  after?: Place
  limit: number
  /** How many books match, as `counts` says it, where that is known; a store may go another way by it. */
  matches?: number
}

/** `last` is the place of the last book where more follow. */
export type BookPage = { books: BookRow[]; last: Place | null }

export type FacetValue = { value: string; count: number }

/** Facets have their most frequent values, at most `facetValuesMax`; those alike in count by code point. */
export type BookCounts = {
  total: number
  /** Whether there are more than were counted. */
  totalIsLowerBound: boolean
  subject: FacetValue[]
  format: FacetValue[]
  language: FacetValue[]
}
export const facetValuesMax = 50
/** Books counted at most, for the total and for each facet. */
export const countedMax = 10_000

/** The store cannot hold a value; another one in its place may do. */
export class Unstorable extends Error {
  override name = 'Unstorable'
}
