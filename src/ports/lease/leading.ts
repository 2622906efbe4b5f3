import type { LeaseOptions, Leases } from './lease.ts'

type Work = Parameters<Leases['lead']>[1]
type Options = Required<LeaseOptions>

/** How one process stands for one lease. */
export type Election = {
  /**
   * Takes the lease when it is free or has run out, renews it when it is one's own.
   * @returns whether it is held now, and from which moment of the own clock on
   */
  take(): Promise<{ isHeld: boolean; atMs: number }>
  /** Lets the next one have it without a wait. */
  giveBack(): Promise<void>
}

/** Leases that are taken and renewed by the rules of client-go's leader election. */
export function electing(
  stand: (name: string) => Election,
  options: Options,
  close?: () => PromiseLike<void>,
): Leases {
  return createLeading((name, work, over) => keepTrying(stand(name), options, work, over), close)
}

/**
 * Leases over a loop that ends when `over` aborts: each `lead` runs one of its own, and disposing waits for all of them.
 * @param close what is left to do when none runs any more
 */
export function createLeading(
  run: (name: string, work: Work, over: AbortSignal) => Promise<void>,
  close: () => PromiseLike<void> = async () => {},
): Leases {
  const stop = new AbortController()
  const leading = new Set<Promise<void>>()
  return {
    lead(name, work) {
      const own = new AbortController()
      const running = run(name, work, AbortSignal.any([own.signal, stop.signal]))
      leading.add(running)
      return {
        async [Symbol.asyncDispose]() {
          own.abort()
          await running
          leading.delete(running)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all(leading)
      await close()
    },
  }
}

async function keepTrying(
  election: Election,
  options: Options,
  work: Work,
  over: AbortSignal,
): Promise<void> {
  const { clock, durations } = options
  while (!over.aborted) {
    // A server that is away is asked again; until then nobody leads here.
    const taken = await election.take().catch(() => undefined)
    if (taken?.isHeld) await leadOnce(election, options, taken.atMs, work, over)
    // Some apart, so that not all try at one moment. Called off by the end.
    await clock.sleep(durations.retryMs * (1 + 0.2 * clock.random()), over).catch(() => {})
  }
}

/** Works while it renews; gives the lease back when the work is over, so that the next one needs not wait. */
async function leadOnce(
  election: Election,
  { clock, durations }: Options,
  takenMs: number,
  work: Work,
  over: AbortSignal,
): Promise<void> {
  const lost = new AbortController()
  const done = new AbortController()
  const until = AbortSignal.any([over, lost.signal, done.signal])
  const renewing = (async () => {
    for (let renewedMs = takenMs; !until.aborted; ) {
      // Called off when it is over, which is looked at next.
      await clock.sleep(durations.retryMs, until).catch(() => {})
      if (until.aborted) return
      // Not renewed: the time that has passed decides, below. An answer that takes too long is none.
      const leftMs = Math.max(0, renewedMs + durations.renewMs - clock.monotonicMs())
      const next = await within(clock, leftMs, election.take())
      if (next?.isHeld) renewedMs = next.atMs
      // Read after the answer: a process that was frozen while it waited for one finds out here.
      const isOthers = next !== undefined && !next.isHeld
      if (isOthers || clock.monotonicMs() - renewedMs >= durations.renewMs) lost.abort()
    }
  })()
  // The work tells of its own faults; here it has only ended.
  await work(AbortSignal.any([over, lost.signal])).catch(() => {})
  done.abort()
  await renewing
  // One that cannot be given back runs out.
  if (!lost.signal.aborted) await election.giveBack().catch(() => {})
}

async function within<T>(clock: Options['clock'], limitMs: number, work: Promise<T>): Promise<T | undefined> {
  const enough = new AbortController()
  // What fails is not there; the sleep is called off by the answer.
  const late = clock.sleep(limitMs, enough.signal).catch(() => undefined)
  const answer = await Promise.race([work.catch(() => undefined), late])
  enough.abort()
  return answer as T | undefined
}
