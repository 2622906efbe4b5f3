import { assert } from '#kernel/assert'
import { faultPoint } from '#kernel/fault-point'
import { type Participant, transactionLifeMs } from '#kernel/transaction'
import { type Clock, uuid7TimeMs } from '#ports/clock'
import { DatabaseBusy, SerializationFailure } from '#ports/database'
import type { StockRequest, StockVote } from '#services/catalog'
import type { SeenTitle, StockStore, StockTransaction } from '../store/stock-store.ts'
import { type Allot, type Allotted, allot, isbnsOf, type Title } from './allot.ts'
import { allotAsLeft, createLeftTitles, type LeftTitles } from './left-titles.ts'
import { movesOf } from './moves.ts'

/** Who asked gives up a little later. Nothing is left prepared after that: its titles would be locked until recovery. */
const preparedWithinMs = 3_000

export type StockParticipant = Participant<StockRequest, StockVote>

/**
 * Catalog's side of two-phase commit. A group's titles are locked in ISBN order, copies allotted in TypeScript, moved
 * together and left prepared; their locks go with the commit or abort, from any process. A group of one title is
 * given its copies as the last one left it, without asking; what moves it checks that it was.
 * @param overrides for builds of which something is expected to break
 */
export function createStockParticipant(
  store: StockStore,
  clock: Clock,
  overrides: { allot?: Allot } = {},
): StockParticipant {
  const parts: Parts = { store, clock, left: createLeftTitles(), allot, ...overrides }
  return {
    name: 'catalog',
    async prepare(id, requests) {
      assert(clock.now() - uuid7TimeMs(id) < transactionLifeMs, `transaction ${id} is too old to be prepared`)
      const group = { id, requests, isbns: isbnsOf(requests), sinceMs: clock.monotonicMs() }
      const vote = (await prepareAsLeft(parts, group)) ?? (await prepareLocked(parts, group))
      await faultPoint('catalog:after-prepare')
      return vote
    },
    async commit(id) {
      await faultPoint('catalog:before-commit')
      await store.commit(id)
      await faultPoint('catalog:after-commit')
    },
    abort: (id) => store.abort(id),
    inDoubt: () => store.inDoubt(),
  }
}

type Parts = { store: StockStore; clock: Clock; left: LeftTitles; allot: Allot }

type Group = {
  id: string
  requests: readonly StockRequest[]
  isbns: ReadonlySet<string>
  /** When it arrived, on the monotonic clock. */
  sinceMs: number
}

/** @returns undefined, with nothing done, when the group has to ask how its title stands */
async function prepareAsLeft(parts: Parts, group: Group): Promise<StockVote | undefined> {
  const { store, clock, left } = parts
  const nowMs = clock.now()
  const expected = left.only(group.isbns)
  const allotted = expected && allotAsLeft(expected, group.requests, nowMs, parts.allot)
  if (allotted === undefined) return undefined
  const { title } = allotted
  const titles = new Map([[title.isbn, title]])
  left.forget(title.isbn)
  try {
    const vote = await store.prepare(group.id, (tx) =>
      move(tx, clock, group, nowMs, titles, allotted, expected),
    )
    left.note(title)
    return vote
  } catch (error) {
    if (error instanceof SerializationFailure) return undefined
    throw error
  }
}

async function prepareLocked(parts: Parts, group: Group): Promise<StockVote> {
  const { store, clock, left } = parts
  let titles = new Map<string, SeenTitle>()
  const vote = await store.prepare(group.id, async (tx) => {
    titles = await tx.lock(group.isbns)
    // What comes after the wait for the locks is later than what was waited for, in the news as well.
    const nowMs = clock.now()
    return await move(tx, clock, group, nowMs, titles, parts.allot(titles, group.requests, nowMs))
  })
  const [title] = titles.values()
  if (vote.kind === 'prepared' && title !== undefined && titles.size === 1) left.note(title)
  return vote
}

async function move(
  tx: StockTransaction,
  clock: Clock,
  { sinceMs }: Group,
  nowMs: number,
  titles: ReadonlyMap<string, Title>,
  allotted: Allotted,
  expected?: SeenTitle,
): Promise<StockVote> {
  const { answers } = allotted
  if (allotted.movements.length === 0) return { kind: 'nothing', answers, titles: [] }
  if (clock.monotonicMs() - sinceMs > preparedWithinMs)
    throw new DatabaseBusy('the titles were locked for longer than anybody waits')
  tx.move(movesOf(allotted, titles, nowMs, expected))
  await faultPoint('catalog:before-prepare')
  return { kind: 'prepared', answers, titles: allotted.titles }
}
