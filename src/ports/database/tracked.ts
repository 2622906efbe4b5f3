import type { Statements } from './database.ts'

export type Tracked = {
  /** The same statements. */
  tracking: Statements
  /** Those that have not been answered yet, and those that failed. */
  outstanding: ReadonlySet<Promise<unknown>>
  /** After this no statement is taken. */
  end(): void
}

/**
 * The statements of one transaction, followed: its end waits for all of them, and none comes after that, when its
 * connection may be somebody else's.
 */
export function tracked(statements: Statements): Tracked {
  const outstanding = new Set<Promise<unknown>>()
  let ended = false
  const track = <T>(send: () => Promise<T>): Promise<T> => {
    if (ended) return Promise.reject(new Error('a statement came after the end of its transaction'))
    const promise = send()
    outstanding.add(promise)
    promise.then(
      () => outstanding.delete(promise),
      // It stays among those that have failed; whoever ends the transaction is told.
      () => undefined,
    )
    return promise
  }
  return {
    outstanding,
    tracking: {
      query: <Row>(sql: string, params?: readonly unknown[]) =>
        track(() => statements.query<Row>(sql, params)),
      execute: (sql, params) => track(() => statements.execute(sql, params)),
    },
    end() {
      ended = true
    },
  }
}
