import { DatabaseBusy, DatabaseUnavailable } from '#ports/database'

/** Someone in a transaction: what it has locked, and whether it was ended. */
export type Session = { readonly locked: Set<string>; isOver: boolean }

/** Locks on rows by name, given to whoever asked first. */
export type RowLocks = {
  /** @throws DatabaseBusy after the timeout, which ends the session; DatabaseUnavailable when the session is ended */
  lock(session: Session, row: string): Promise<void> | undefined
  /** Ends a session: its rows go to who waits for them. */
  end(session: Session): void
}

type Waiter = { session: Session; granted: () => void; refused: (error: Error) => void }

/** @param after calls back in so many milliseconds, once */
export function createRowLocks(after: (ms: number, work: () => void) => void, timeoutMs: number): RowLocks {
  const locks = new Map<string, { holder: Session; waiting: Waiter[] }>()

  const grantNext = (row: string) => {
    const lock = locks.get(row)
    if (lock === undefined) return
    for (let next = lock.waiting.shift(); next !== undefined; next = lock.waiting.shift()) {
      if (next.session.isOver) {
        next.refused(new DatabaseUnavailable('the session was ended'))
        continue
      }
      lock.holder = next.session
      next.session.locked.add(row)
      next.granted()
      return
    }
    locks.delete(row)
  }
  const end = (session: Session) => {
    session.isOver = true
    for (const row of session.locked) grantNext(row)
    session.locked.clear()
  }
  return {
    end,
    lock(session, row) {
      if (session.locked.has(row)) return undefined
      const held = locks.get(row)
      if (held === undefined) {
        locks.set(row, { holder: session, waiting: [] })
        session.locked.add(row)
        return undefined
      }
      return new Promise((granted, refused) => {
        held.waiting.push({ session, granted, refused })
        after(timeoutMs, () => {
          if (session.locked.has(row) || session.isOver) return
          end(session)
          refused(new DatabaseBusy('waited too long for a lock'))
        })
      })
    },
  }
}
