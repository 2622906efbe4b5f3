import { isDeepStrictEqual } from 'node:util'
import type { InDoubt, Participant } from '#kernel/transaction'
import { Unavailable } from '#kernel/unavailable'
import type { StockRequest, StockVote } from '#services/catalog'
import {
  type Decided,
  isbnsOf,
  decide as realDecide,
  type Title,
} from '../../src/services/catalog/stock/decide.ts'
import {
  createLeftTitles,
  decideAsLeft,
  type LeftTitles,
  type SeenTitle,
} from '../../src/services/catalog/stock/left-titles.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/** BookDb as far as stock needs it: rows with locks, prepared transactions that survive everything, a ledger. */
export type BookDb = {
  readonly stock: ReadonlyMap<string, Title>
  readonly ledger: ReadonlyMap<string, { copies: number; held: number; sold: number }>
  readonly prepared: ReadonlyMap<string, unknown>
  /** The participant as it runs in this catalog process. */
  participantIn(process: Process): Participant<StockRequest, StockVote>
  /** The server dies; sessions end, what is committed or prepared stays; it is back after `downMs`. */
  crash(downMs: number): void
}

export type BookDbOptions = {
  decide?: typeof realDecide
  /** Moves the stock of a title that is not as it was left. */
  withoutLeftCheck?: boolean
}

type Session = { owner: Process; life: number; locked: Set<string>; isOver: boolean }
type Prepared = { session: Session; decided: Decided; atMs: number }
type Waiter = { session: Session; granted: () => void; refused: (error: Error) => void }

const lockTimeoutMs = 5_000
/** A session whose process freezes in a transaction is ended by the server. */
const idleTimeoutMs = 5_000

export function createBookDb(world: World, titles: readonly Title[], options: BookDbOptions = {}): BookDb {
  const decide = options.decide ?? realDecide
  const stock = new Map(titles.map((title) => [title.isbn, { ...title }]))
  const ledger = new Map(titles.map(({ isbn, copies }) => [isbn, { copies, held: 0, sold: 0 }]))
  const prepared = new Map<string, Prepared>()
  const known = new Set<string>()
  const versions = new Map<string, number>()
  /** What each catalog process remembers of its last groups, in its present life. */
  const lefts = new Map<Process, { life: number; left: LeftTitles }>()
  const locks = new Map<string, { holder: Session; waiting: Waiter[] }>()
  /** Those in a transaction that is not prepared yet. */
  const sessions = new Set<Session>()
  let downUntil = 0

  /** A statement: takes its time, and fails when the server is away at its beginning or its end. */
  const statement = <T>(process: Process, work: () => T): Promise<T> => {
    const { life } = process
    return new Promise((resolve, reject) => {
      const fail = () => process.deliver(life, () => reject(new Unavailable('BookDb is away')))
      world.after(world.random(), () => {
        world.hazard(process)
        if (world.now() < downUntil) return fail()
        let settle: () => void
        try {
          const value = work()
          settle = () => resolve(value)
        } catch (error) {
          settle = () => reject(error)
        }
        world.hazard(process)
        world.after(world.random(), () =>
          // The answer of a server that died meanwhile never arrives, though the work was done.
          world.now() < downUntil ? fail() : process.deliver(life, settle),
        )
      })
    })
  }

  const release = (session: Session) => {
    session.isOver = true
    sessions.delete(session)
    for (const isbn of session.locked) grantNext(isbn)
    session.locked.clear()
  }
  const grantNext = (isbn: string) => {
    const lock = locks.get(isbn)
    if (lock === undefined) return
    for (let next = lock.waiting.shift(); next !== undefined; next = lock.waiting.shift()) {
      if (next.session.isOver) continue
      lock.holder = next.session
      next.session.locked.add(isbn)
      next.granted()
      return
    }
    locks.delete(isbn)
  }
  const lock = (session: Session, isbn: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const { owner, life } = session
      const granted = () => owner.deliver(life, resolve)
      const refused = (error: Error) => owner.deliver(life, () => reject(error))
      const held = locks.get(isbn)
      if (held === undefined) {
        locks.set(isbn, { holder: session, waiting: [] })
        session.locked.add(isbn)
        return granted()
      }
      held.waiting.push({ session, granted, refused })
      world.after(lockTimeoutMs, () => {
        if (session.locked.has(isbn)) return
        release(session)
        refused(new Unavailable('waited too long for a lock'))
      })
    })
  const alive = (session: Session) => {
    if (session.isOver) throw new Unavailable('the session was ended')
  }
  /** A transaction in this process, up to its being prepared or rolled back. */
  const transaction = async <T>(process: Process, work: (session: Session) => Promise<T>): Promise<T> => {
    const session: Session = { owner: process, life: process.life, locked: new Set(), isOver: false }
    await statement(process, () => {
      sessions.add(session)
      process.onceDead(() => world.after(1, () => sessions.has(session) && release(session)))
      world.after(idleTimeoutMs, () => sessions.has(session) && release(session))
    })
    try {
      return await work(session)
    } catch (error) {
      if (sessions.has(session)) release(session)
      throw error
    }
  }
  const markPrepared = (session: Session, id: string, decided: Decided): StockVote => {
    alive(session)
    if (known.has(id)) throw new Error(`transaction ${id} was prepared before`)
    known.add(id)
    sessions.delete(session)
    prepared.set(id, { session, decided, atMs: world.now() })
    world.note(`${session.owner.name} prepared ${id.slice(-4)}`)
    return { kind: 'prepared', answers: decided.answers, titles: decided.titles }
  }
  const seen = (isbn: string): SeenTitle => ({
    ...(stock.get(isbn) as Title),
    ...{ version: versions.get(isbn) ?? 1, bookVersion: 1, bookCreatedAt: '' },
  })
  const leftIn = (process: Process): LeftTitles => {
    let entry = lefts.get(process)
    if (entry?.life !== process.life) {
      entry = { life: process.life, left: createLeftTitles() }
      lefts.set(process, entry)
    }
    return entry.left
  }

  const prepareAsLeft = async (process: Process, id: string, requests: readonly StockRequest[]) => {
    const left = leftIn(process)
    const expected = left.only(isbnsOf(requests))
    const decided = expected && decideAsLeft(expected, requests, process.clock.now(), decide)
    if (decided === undefined) return undefined
    const { title } = decided
    left.forget(title.isbn)
    const vote = await transaction(process, async (session) => {
      alive(session)
      await lock(session, title.isbn)
      return await statement(process, () => {
        alive(session)
        if (options.withoutLeftCheck || isDeepStrictEqual(seen(title.isbn), expected))
          return markPrepared(session, id, decided)
        release(session)
        return undefined
      })
    })
    if (vote !== undefined) left.note(title)
    return vote
  }
  const prepareLocked = (process: Process, id: string, requests: readonly StockRequest[]) =>
    transaction(process, async (session): Promise<StockVote> => {
      for (const isbn of [...isbnsOf(requests)].sort()) {
        alive(session)
        if (stock.has(isbn)) await lock(session, isbn)
      }
      const read = await statement(process, () => {
        alive(session)
        return new Map([...session.locked].map((isbn) => [isbn, seen(isbn)]))
      })
      const decided = decide(read, requests, process.clock.now())
      if (decided.movements.length === 0) {
        await statement(process, () => release(session))
        return { kind: 'nothing', answers: decided.answers, titles: [] }
      }
      const vote = await statement(process, () => markPrepared(session, id, decided))
      const [title] = read.values()
      if (title !== undefined && read.size === 1) leftIn(process).note(title)
      return vote
    })

  const finish = (process: Process, id: string, verb: 'commit' | 'abort') =>
    statement(process, () => {
      const found = prepared.get(id)
      if (found === undefined) return
      prepared.delete(id)
      world.note(`${process.name} ${verb}s ${id.slice(-4)}`)
      if (verb === 'abort') known.delete(id)
      else
        for (const { isbn, copies, held, sold } of found.decided.movements) {
          const title = stock.get(isbn) as Title
          const sum = ledger.get(isbn) as { copies: number; held: number; sold: number }
          for (const row of [title, sum]) {
            row.copies += copies
            row.held += held
            row.sold += sold
          }
        }
      if (verb === 'commit')
        for (const isbn of found.session.locked) versions.set(isbn, (versions.get(isbn) ?? 1) + 1)
      release(found.session)
    })

  return {
    stock,
    ledger,
    prepared,
    participantIn: (process) => ({
      name: 'catalog',
      prepare: async (id, requests) =>
        (await prepareAsLeft(process, id, requests)) ?? (await prepareLocked(process, id, requests)),
      commit: (id) => finish(process, id, 'commit'),
      abort: (id) => finish(process, id, 'abort'),
      inDoubt: () =>
        statement(process, () =>
          [...prepared].map(([id, { atMs }]): InDoubt => ({ id, ageMs: world.now() - atMs })),
        ),
    }),
    crash(downMs) {
      world.note('BookDb dies')
      downUntil = world.now() + downMs
      for (const session of [...sessions]) release(session)
    },
  }
}
