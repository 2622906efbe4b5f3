import assert from 'node:assert/strict'
import { systemClock as clock } from '#ports/clock'
import { ConstraintViolation, DatabaseBusy } from '#ports/database'
import type { StockChanged } from '#services/catalog'
import type { Movement } from '../../stock/allot.ts'
import type { SeenTitle, StockDelta, StockMoves, StockStore, StockTransaction } from '../stock-store.ts'

// What the suite of stock lets its stores do.

/** How long a lock may be waited for by the stores that the suite is run on. */
export const suiteLockTimeoutMs = 1_500

export const nothing = { copies: 0, held: 0, sold: 0 }

export type Work = (tx: StockTransaction) => Promise<unknown>

export async function commit(store: StockStore, id: string, work: Work): Promise<void> {
  await store.prepare(id, work)
  await store.commit(id)
}

/** Tries again where a busy machine took longer to set a title free than is waited for; one that does not wait fails. */
export async function commitWhenFree(store: StockStore, work: Work): Promise<void> {
  for (;;) {
    const beganMs = performance.now()
    try {
      return await commit(store, clock.uuid(), work)
    } catch (error) {
      if (!(error instanceof DatabaseBusy)) throw error
      assert.ok(performance.now() - beganMs > suiteLockTimeoutMs / 2, 'it did not wait for the title')
    }
  }
}

export const moving = (delta: StockDelta) => async (tx: StockTransaction) => {
  await tx.lock(new Set([delta.isbn]))
  tx.move(movesOf([delta]))
  return 'done'
}
export const reserving = (isbn: string, quantity: number) => moving({ ...nothing, isbn, held: quantity })

export function reserveMoves(isbn: string, quantity: number, expected: SeenTitle): StockMoves {
  return { ...movesOf([{ ...nothing, isbn, held: quantity }]), expected }
}

export function movesOf(sums: StockDelta[]): StockMoves {
  const movements = sums.map((sum): Movement => ({ ...sum, movement: 'reserve', reason: null }))
  return { movements, sums, news: newsOf(sums[0]?.isbn ?? '') }
}

export const newsOf = (isbn: string): StockChanged => ({
  books: [{ isbn, available: 1, status: 'low', asOf: '2026-01-01T00:00:00.000Z' }],
})

export async function seenIn(store: StockStore, isbns: readonly string[]): Promise<SeenTitle[]> {
  return store.prepare(clock.uuid(), async (tx) => [...(await tx.lock(new Set(isbns))).values()])
}

export const isConstraint = (kind: ConstraintViolation['kind']) => (error: unknown) =>
  error instanceof ConstraintViolation && error.kind === kind
