import { type InDoubt, idOfPrepared, preparedName } from '#kernel/transaction'
import { systemClock, uuid7TimeMs } from '#ports/clock'
import type { Database, Transaction, Voted } from '#ports/database'
import type { SeenTitle, StockMoves, StockStore } from './stock-store.ts'

/** The SQL of stock. */
export type StockSql = {
  lock(tx: Transaction, isbns: ReadonlySet<string>): Promise<Map<string, SeenTitle>>
  /** @returns what has to be waited for before the transaction is prepared; else it travels with that */
  move(tx: Transaction, id: string, moves: StockMoves): Promise<unknown> | undefined
  forget(olderThanMs: number): Promise<number>
}

/**
 * Stock in a database that prepares transactions.
 * @param prepared finishes them
 */
export function preparedStock(database: Database, prepared: Database['prepared'], sql: StockSql): StockStore {
  return {
    async prepare(id, work) {
      const { result } = await database.prepare(preparedName(id), async (tx) => {
        let kind: Voted['kind'] = 'nothing'
        let moved: Promise<unknown> | undefined
        const result = await work({
          lock: (isbns) => sql.lock(tx, isbns),
          move(moves) {
            kind = 'prepared'
            moved = sql.move(tx, id, moves)
            // Its failure is the transaction's, which waits for it below.
            moved?.catch(() => {})
          },
        })
        await moved
        return { kind, result }
      })
      return result
    },
    async commit(id) {
      await prepared.commit(preparedName(id))
    },
    async abort(id) {
      await prepared.abort(preparedName(id))
    },
    async inDoubt() {
      const ids = (await prepared.inDoubt()).flatMap((name) => idOfPrepared(name) ?? [])
      const nowMs = systemClock.now()
      return ids.sort().map((id): InDoubt => ({ id, ageMs: Math.max(0, nowMs - uuid7TimeMs(id)) }))
    },
    forget: sql.forget,
  }
}
