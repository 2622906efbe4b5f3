import { ConstraintViolation, DatabaseUnavailable, SerializationFailure } from '#ports/database'
import type { StockChanged } from '#services/catalog'
import type { Movement, Title } from '../../stock/allot.ts'
import type { SeenTitle, StockMoves, StockStore } from '../stock-store.ts'
import { createRowLocks, type Session } from './row-locks.ts'

/** Stock in memory, as a server would keep it: rows with locks, prepared transactions that outlive sessions, a ledger. */
export type MemoryStock = {
  addTitle(title: Title): void
  /** Edits a title's book, or takes title and book away. */
  editTitle(isbn: string, change: Partial<Title> | undefined): void
  readonly stock: ReadonlyMap<string, Title>
  readonly ledger: readonly Movement[]
  /** What went out, for whoever carries it off. */
  readonly news: StockChanged[]
  readonly prepared: ReadonlyMap<string, unknown>
  /** The store as one process has it. */
  connect(line?: Line): StockStore
  /** Ends all sessions, as a server that starts again does; what was committed or prepared stays. */
  endSessions(): void
}

/** What lies between a process and the server. */
export type Line = {
  /** Carries a statement there, has it done and carries the answer back, in its own time if at all. */
  ask<T>(statement: () => T | Promise<T>): Promise<T>
  /** Calls back when nobody is at this end any more. */
  onceGone(listener: () => void): void
}

export type MemoryStockOptions = {
  nowMs: () => number
  /** Calls back in so many milliseconds, once. */
  after: (ms: number, work: () => void) => void
  lockTimeoutMs?: number
  /** A transaction whose process does not go on is ended after this. */
  idleTimeoutMs?: number
  /** Builds that are expected to break: titles are moved however they stand, and below nothing. */
  withoutLeftCheck?: boolean
  withoutStockCheck?: boolean
}

type Row = Title & Pick<SeenTitle, 'version' | 'bookVersion' | 'bookMark'>
type Prepared = { session: Session; moves: StockMoves; atMs: number }

/** A line that is always there and takes no time. */
const atOnce: Line = { ask: async (statement) => statement(), onceGone: () => {} }

export function createMemoryStock(options: MemoryStockOptions): MemoryStock {
  const { nowMs, after, lockTimeoutMs = 5_000, idleTimeoutMs = 5_000 } = options
  const rows = new Map<string, Row>()
  const ledger: Movement[] = []
  const news: StockChanged[] = []
  const prepared = new Map<string, Prepared>()
  /** When each transaction was prepared, until that is forgotten. */
  const known = new Map<string, number>()
  const locks = createRowLocks(after, lockTimeoutMs)
  /** Those in a transaction that is not prepared yet. */
  const open = new Set<Session>()
  let booksMade = 0

  const begin = (line: Line): Session => {
    const session: Session = { locked: new Set(), isOver: false }
    open.add(session)
    line.onceGone(() => after(1, () => rollBack(session)))
    after(idleTimeoutMs, () => rollBack(session))
    return session
  }
  const rollBack = (session: Session) => {
    if (!open.delete(session)) return
    locks.end(session)
  }
  const goOn = (session: Session) => {
    if (session.isOver) throw new DatabaseUnavailable('the session was ended')
  }
  const lockRows = async (session: Session, isbns: readonly string[]) => {
    for (const isbn of [...isbns].sort()) {
      goOn(session)
      if (rows.has(isbn)) await locks.lock(session, isbn)
    }
    goOn(session)
  }
  const leavePrepared = async (session: Session, id: string, moves: StockMoves) => {
    await lockRows(
      session,
      moves.sums.map((sum) => sum.isbn),
    )
    check(rows, moves, options)
    if (known.has(id)) throw new ConstraintViolation('unique', 'transactions_pkey', undefined)
    known.set(id, nowMs())
    open.delete(session)
    prepared.set(id, { session, moves, atMs: nowMs() })
  }
  const finish = (id: string, doIt: (moves: StockMoves) => void) => {
    const found = prepared.get(id)
    if (found === undefined) return
    prepared.delete(id)
    doIt(found.moves)
    locks.end(found.session)
  }
  const commit = (moves: StockMoves) => {
    apply(rows, moves)
    ledger.push(...moves.movements)
    news.push(moves.news)
  }

  return {
    stock: rows,
    ...{ ledger, news, prepared },
    addTitle(title) {
      rows.set(title.isbn, { ...title, version: 1, bookVersion: 1, bookMark: String(booksMade++) })
    },
    editTitle(isbn, change) {
      const row = rows.get(isbn)
      if (change === undefined || row === undefined) rows.delete(isbn)
      else Object.assign(row, change, { bookVersion: row.bookVersion + 1 })
    },
    connect: (line = atOnce) => ({
      async prepare(id, work) {
        let session: Session | undefined
        const inSession = () => {
          session ??= begin(line)
          return session
        }
        let moves: StockMoves | undefined
        try {
          const result = await work({
            lock: (isbns) =>
              line.ask(async () => {
                await lockRows(inSession(), [...isbns])
                return new Map([...inSession().locked].map((isbn) => [isbn, { ...(rows.get(isbn) as Row) }]))
              }),
            move(given) {
              moves = given
            },
          })
          const given = moves
          if (given === undefined) await line.ask(() => session && rollBack(session))
          else await line.ask(() => leavePrepared(inSession(), id, given))
          return result
        } catch (error) {
          if (session !== undefined) rollBack(session)
          throw error
        }
      },
      commit: (id) => line.ask(() => finish(id, commit)),
      abort: (id) => line.ask(() => finish(id, () => known.delete(id))),
      inDoubt: () => line.ask(() => [...prepared].map(([id, { atMs }]) => ({ id, ageMs: nowMs() - atMs }))),
      forget: (olderThanMs) =>
        line.ask(() => {
          const old = [...known].filter(([, atMs]) => atMs < nowMs() - olderThanMs)
          for (const [id] of old) known.delete(id)
          return old.length
        }),
    }),
    endSessions() {
      for (const session of [...open]) rollBack(session)
    },
  }
}

/** What the store promises of its own: titles are as expected, and never sold beyond their copies. */
function check(rows: ReadonlyMap<string, Row>, { sums, expected }: StockMoves, options: MemoryStockOptions) {
  if (expected !== undefined && !options.withoutLeftCheck && !isAsLeft(rows.get(expected.isbn), expected))
    throw new SerializationFailure('the title is not as it was left')
  if (options.withoutStockCheck) return
  for (const { isbn, copies, held, sold } of sums) {
    const row = rows.get(isbn)
    if (row === undefined) continue
    const left = { copies: row.copies + copies, held: row.held + held, sold: row.sold + sold }
    if (left.held < 0 || left.sold < 0 || left.held + left.sold > left.copies)
      throw new ConstraintViolation('check', 'stock_never_oversold', undefined)
  }
}

function isAsLeft(row: Row | undefined, expected: SeenTitle): boolean {
  return asLeft.every((field) => row?.[field] === expected[field])
}

const asLeft = ['version', 'copies', 'held', 'sold', 'bookVersion', 'bookMark'] as const

function apply(rows: ReadonlyMap<string, Row>, { sums }: StockMoves): void {
  for (const { isbn, copies, held, sold } of sums) {
    const row = rows.get(isbn)
    if (row === undefined) continue
    row.copies += copies
    row.held += held
    row.sold += sold
    row.version++
  }
}
