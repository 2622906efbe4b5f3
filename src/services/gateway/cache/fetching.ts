import type { Cache } from '#ports/cache'
import type { Clock } from '#ports/clock'
import type { BrowsingQueue, Turn } from '../proxy/browsing-queue.ts'
import { awayMaxMs, freshMs } from './ages.ts'
import type { Changes } from './changes.ts'
import type { Entries, Kept } from './entries.ts'
import { bookTag, decodeEntry, type Entry, encodeEntry, isShareable, kept, listsTag } from './entry.ts'
import type { Origin, OriginAnswer } from './origin.ts'

/** Gets answers that are not fresh in memory: one asker for each, in this process and among all. */
export type Fetching = {
  /**
   * @param isbn the book that it is about, if it is about one; @param old what is known already
   * @returns what comes of it; it fails with a Problem when the service has too much to do
   */
  fetch(
    target: string,
    isbn: string | undefined,
    old: Kept | undefined,
    asker: Asker,
  ): { outcome: Promise<Fetched>; collapsed: boolean }
}
/** For whom something is fetched: their address, and whether they still wait for it. */
export type Asker = { client: string; isWaiting: () => boolean }
export type Fetched = { kind: 'entry'; entry: Kept } | { kind: 'other'; answer: OriginAnswer }

export type FetchingParts = {
  origin: Origin
  /** Where what has to be asked of the service waits for its turn. */
  queue: BrowsingQueue
  shared: Cache | undefined
  clock: Clock
  entries: Entries
  changes: Changes
}

/**
 * Whoever asks for an answer on behalf of all has this long, and says when it is there; the others look for it every so
 * often, and then ask too.
 */
const claimMs = 1_000
const lookMs = 20
const looksMax = 15

export function createFetching(parts: FetchingParts): Fetching {
  const underWay = new Map<string, { sinceMs: number; outcome: Promise<Fetched>; crowd: Crowd }>()
  const fetching: Fetching = {
    fetch(target, isbn, old, asker) {
      const running = underWay.get(target)
      if (running === undefined) {
        const crowd = createCrowd(asker)
        const outcome = fetchOnce(parts, target, isbn, old, crowd).finally(() => underWay.delete(target))
        underWay.set(target, { sinceMs: parts.clock.now(), outcome, crowd })
        return { outcome, collapsed: false }
      }
      const tags = isbn !== undefined ? [bookTag(isbn)] : (old?.tags ?? [listsTag])
      if (!parts.changes.hasChanged(tags, running.sinceMs)) {
        running.crowd.join(asker)
        return { outcome: running.outcome, collapsed: true }
      }
      // Asked for before a change that whoever asks now may have made: the next answer is for them.
      const next = () => fetching.fetch(target, isbn, old, asker).outcome
      return { outcome: running.outcome.then(next, next), collapsed: true }
    },
  }
  return fetching
}

async function fetchOnce(
  parts: FetchingParts,
  target: string,
  isbn: string | undefined,
  old: Kept | undefined,
  crowd: Crowd,
): Promise<Fetched> {
  const { shared } = parts
  const found = await lookIn(parts, target)
  if (found.kind === 'entry') return found
  // Who asks next, for a changed answer or because there is none, is not to wait for this one.
  const release = () => (found.isClaimed ? shared?.evict([claimOf(target)]) : undefined)
  let written: Promise<void> | undefined
  try {
    const asked = await ask(parts, target, isbn, old, crowd)
    written = asked.written
    return asked.fetched
  } finally {
    void Promise.resolve(written).then(release)
  }
}

async function ask(
  parts: FetchingParts,
  target: string,
  isbn: string | undefined,
  old: Kept | undefined,
  crowd: Crowd,
): Promise<{ fetched: Fetched; written?: Promise<void> | undefined }> {
  const { shared, clock, entries } = parts
  const madeAtMs = clock.now()
  const answer = await askOrShowOld(parts, target, old, crowd)
  if (answer.kind === 'old')
    return { fetched: { kind: 'entry', entry: entries.set(target, answer.entry, clock.now()) } }
  const { status, headers, body } = answer.answer
  const isUnchanged = status === 304 && old !== undefined
  if (!isUnchanged && !isShareable(status, headers))
    return { fetched: { kind: 'other', answer: answer.answer } }
  const entry = isUnchanged
    ? { ...old, madeAtMs }
    : { headers: kept(headers), body, tags: tagsOf(body, isbn), madeAtMs, isOwn: true }
  const made = keep(parts, target, entry)
  const written = shared?.write(target, encodeEntry(target, entry), awayMaxMs)
  return { fetched: { kind: 'entry', entry: made }, written }
}

/** Whoever waits for the same: it is asked for when the turn of any of them comes. */
type Crowd = {
  join(asker: Asker): void
  /** @throws Problem when the turn does not come in time */
  inTurn<T>(queue: BrowsingQueue, work: () => Promise<T>): Promise<T>
}

function createCrowd(first: Asker): Crowd {
  const askers = [first]
  let turn: Turn | undefined
  return {
    join(asker) {
      askers.push(asker)
      turn?.join(asker.client)
    },
    inTurn: (queue, work) =>
      new Promise((resolve, reject) => {
        turn = queue.enter(first.client, {
          isWanted: () => askers.some(({ isWaiting }) => isWaiting()),
          begin: (end) => void work().then(resolve, reject).finally(end),
          refuse: reject,
        })
        for (const { client } of askers) turn.join(client)
      }),
  }
}

type Found = { kind: 'entry'; entry: Kept } | { kind: 'none'; isClaimed: boolean }

/** Fresh in the shared level, or soon to be because another gateway is asking. */
async function lookIn(parts: FetchingParts, target: string): Promise<Found> {
  const { shared, clock } = parts
  if (shared === undefined) return { kind: 'none', isClaimed: false }
  for (let look = 0; look <= looksMax; look++) {
    const entry = await readShared(parts, target)
    if (entry !== undefined && isStillRight(parts, entry))
      return { kind: 'entry', entry: keep(parts, target, entry) }
    if (await shared.claim(claimOf(target), claimMs)) return { kind: 'none', isClaimed: true }
    await clock.sleep(lookMs)
  }
  return { kind: 'none', isClaimed: false }
}

const claimOf = (target: string) => `asking ${target}`

function isStillRight({ changes, clock }: FetchingParts, { tags, madeAtMs }: Entry): boolean {
  const ageMs = clock.now() - madeAtMs
  // An entry from the future was written by a wrong clock, or by a wrong hand.
  return ageMs < freshMs && ageMs > -freshMs && !changes.hasChanged(tags, madeAtMs)
}

async function readShared({ shared }: FetchingParts, target: string): Promise<Entry | undefined> {
  const bytes = await shared?.read(target)
  return bytes === undefined ? undefined : decodeEntry(target, bytes)
}

/** The service's answer; while it is away, what the shared level still has for whoever has nothing. */
async function askOrShowOld(
  parts: FetchingParts,
  target: string,
  old: Kept | undefined,
  crowd: Crowd,
): Promise<{ kind: 'answer'; answer: OriginAnswer } | { kind: 'old'; entry: Entry }> {
  try {
    return {
      kind: 'answer',
      answer: await crowd.inTurn(parts.queue, () =>
        parts.origin.ask(target, old?.isOwn ? old.headers.etag : undefined),
      ),
    }
  } catch (error) {
    const entry = old === undefined ? await readShared(parts, target) : undefined
    if (entry === undefined || parts.clock.now() - entry.madeAtMs > awayMaxMs) throw error
    return { kind: 'old', entry }
  }
}

/** Keeps an answer; one that a change has overtaken is for those who wait for it, and for nobody after them. */
function keep({ entries, changes, clock }: FetchingParts, target: string, entry: Entry): Kept {
  const isOvertaken = changes.hasChanged(entry.tags, entry.madeAtMs)
  return entries.set(target, entry, isOvertaken ? clock.now() : entry.madeAtMs + freshMs)
}

const isbnInBody = /"isbn":"(\d{13})"/g

/** A book's own answers tell of it alone, lists of every book they show and of their order. */
function tagsOf(body: Buffer, isbn: string | undefined): string[] {
  if (isbn !== undefined) return [bookTag(isbn)]
  const shown = [...body.toString().matchAll(isbnInBody)].map(([, found]) => bookTag(found ?? ''))
  return [...new Set([listsTag, ...shown])]
}
