import { systemClock } from '#ports/clock'
import { type Database, DatabaseUnavailable, type Statements } from './database.ts'

/**
 * What may be asked of a database for display: of a replica, too, which only reads and may be behind. It is no
 * `Statements`, so that whatever decides on stock, money, permission or a key cannot be given one.
 */
export type Reading = Pick<Statements, 'query'> & {
  /** Whether what is not found here is not there: otherwise it may have been written a moment ago. */
  readonly isCertain: boolean
}

/** A position in what a database has written. Whoever reads at it or after it sees all that was acknowledged before. */
export type Seen = string

export type Reads = AsyncDisposable & {
  /**
   * Somebody to read from who shows everything that was acknowledged until now; or, for one who says what was last
   * seen, at least that. While the primary is away it is the replica that is furthest, which is not certain.
   */
  reading(seen?: Seen): Promise<Reading>
  /** What one who has just written has seen; undefined where there are no replicas to be behind. */
  seen(): Promise<Seen | undefined>
  /** How many requests were read where. */
  counts(): { primary: number; replica: number }
}

/** One replica, as an adapter asks it. */
export type Replica = AsyncDisposable & Pick<Statements, 'query'>

/** What an adapter knows of positions. */
export type ReplicaAdapter = {
  /** Servers that may be replicas, the primary among them. */
  replicas: readonly Replica[]
  /** What the primary has acknowledged. */
  written(): Promise<bigint>
  /** What a server shows; undefined when it is no replica just now. */
  shown(replica: Replica): Promise<bigint | undefined>
  /** Whether it failed for a reason that asking another server would mend. */
  isServers(error: unknown): boolean
}

export type ReadsOptions = {
  /** A replica that is further behind is left out until it has caught up. */
  lagMaxMs?: number
}

const lagMaxMsDefault = 1_000
/** One that lags by so little is waited for rather than burdening the primary. */
const waitMs = 25
const askLimitMs = 300
/** One that failed is left alone for so long. */
const restMs = 1_000
/** How long ago the primary was where, to tell how old what a replica shows is. */
const marksMax = 256

type State = { shown: bigint; askedMs: number; failedMs: number }

/** Reads for display that go to replicas where they may, and to the primary otherwise. */
export function readsOver(
  database: Database,
  { replicas, written, shown, isServers }: ReplicaAdapter,
  { lagMaxMs = lagMaxMsDefault }: ReadsOptions = {},
): Reads {
  const states = new Map<Replica, State>()
  const marks: { at: bigint; ms: number }[] = []
  const counts = { primary: 0, replica: 0 }
  const now = () => systemClock.monotonicMs()
  let turn = 0

  const askPrimary = shared(async () => {
    const at = await within(written(), askLimitMs)
    if (marks.at(-1)?.at !== at) marks.push({ at, ms: now() })
    if (marks.length > marksMax) marks.shift()
    return at
  })
  const askReplicas = shared(() =>
    Promise.all(
      replicas.map(async (replica) => {
        const before = states.get(replica)
        if (before && now() - before.failedMs < restMs) return
        // A replica that does not answer is noted below, and shows in how the servers stand.
        const at = await within(shown(replica), askLimitMs).catch(() => 'failed' as const)
        if (at === 'failed') states.set(replica, { shown: 0n, askedMs: 0, failedMs: now() })
        else if (at === undefined) states.delete(replica)
        else states.set(replica, { shown: at, askedMs: now(), failedMs: Number.NEGATIVE_INFINITY })
      }),
    ),
  )
  /** Since when the primary has been further than this. */
  const lagMs = ({ shown: at }: State) => now() - (marks.find((mark) => mark.at > at)?.ms ?? now())
  const usable = (need: bigint) => {
    const found = [...states].filter(
      ([, state]) => state.shown >= need && now() - state.askedMs < restMs && lagMs(state) <= lagMaxMs,
    )
    return found[turn++ % Math.max(1, found.length)]?.[0]
  }
  const pick = async (need: bigint) => {
    const giveUpMs = now() + waitMs
    for (let replica = usable(need); ; replica = usable(need)) {
      if (replica || now() > giveUpMs) return replica
      await askReplicas()
      const isHopeless = ![...states.values()].some((state) => lagMs(state) < waitMs)
      if (isHopeless && !usable(need)) return undefined
      await systemClock.sleep(1)
    }
  }
  const primary = (): Reading => {
    counts.primary++
    return { isCertain: true, query: (sql, params) => database.query(sql, params) }
  }
  const at = (replica: Replica, isCertain: boolean): Reading => {
    counts.replica++
    return {
      isCertain,
      async query<Row>(sql: string, params?: readonly unknown[]) {
        try {
          return await replica.query<Row>(sql, params)
        } catch (error) {
          if (!isServers(error)) throw error
          states.set(replica, { shown: 0n, askedMs: 0, failedMs: now() })
          return await database.query<Row>(sql, params)
        }
      },
    }
  }
  return {
    async reading(seen) {
      if (replicas.length < 2) return primary()
      let need = seen === undefined ? undefined : positionIn(seen)
      if (need === undefined) {
        // Without a primary the replica that is furthest shows what it has.
        need = await askPrimary().catch(() => undefined)
        if (need === undefined) return furthest() ?? primary()
      }
      const replica = await pick(need)
      return replica === undefined ? primary() : at(replica, seen === undefined)
    },
    seen: async () => (replicas.length < 2 ? undefined : String(await written())),
    counts: () => ({ ...counts }),
    async [Symbol.asyncDispose]() {
      await Promise.all(replicas.map((replica) => replica[Symbol.asyncDispose]()))
    },
  }

  /** While nobody takes writes, what was shown a moment ago is better than nothing. */
  function furthest(): Reading | undefined {
    const [best] = [...states].sort(([, a], [, b]) => (a.shown < b.shown ? 1 : -1))
    void askReplicas()
    return best === undefined || best[1].askedMs === 0 ? undefined : at(best[0], false)
  }
}

/** A position as whoever saw it sends it; one that cannot be read asks for the newest. */
function positionIn(seen: Seen): bigint | undefined {
  return /^\d{1,20}$/.test(seen) ? BigInt(seen) : undefined
}

/** Asks once for all who want to know at the same time; whoever comes while it is asked waits for the next answer. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined
  const begin = () => {
    next = undefined
    const asked = ask().finally(() => {
      if (running === asked) running = undefined
    })
    running = asked
    return asked
  }
  return () => {
    if (running === undefined) return begin()
    // What is under way may have been answered before whoever comes now has written.
    next ??= running.then(begin, begin)
    return next
  }
}

async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  const over = new AbortController()
  const late = systemClock.sleep(limitMs, over.signal).then(() => {
    throw new DatabaseUnavailable(`no answer within ${limitMs} ms`)
  })
  // Either is told to the caller by the race; the one that lost it is nobody's.
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
    // As above: what came too late is nobody's.
    work.catch(() => undefined)
  }
}
