import type { Entry } from './entry.ts'
import { type Packed, packed } from './packed.ts'

/** An entry in this process's memory. */
export type Kept = Entry & {
  /** From then on it is asked for again, ms since 1970. */
  freshUntilMs: number
  packed: Packed
}

/** The first level: answers in memory, found by key and by tag, within a bound of bytes. */
export type Entries = {
  get(key: string): Kept | undefined
  set(key: string, entry: Entry, freshUntilMs: number): Kept
  /** Entries that tell of what the tag stands for. */
  tagged(tag: string): Kept[]
  all(): Kept[]
  readonly bytes: number
  readonly count: number
}

/** What was asked for once may fill this part; a flood of odd queries cannot drive out what everybody reads. */
const probationShare = 0.3
const overheadBytes = 600

export function createEntries(bytesMax: number): Entries {
  const probation = new Map<string, Kept>()
  const proven = new Map<string, Kept>()
  const byTag = new Map<string, Set<string>>()
  const bytesOf = new Map<Map<string, Kept>, number>([
    [probation, 0],
    [proven, 0],
  ])
  const weigh = (part: Map<string, Kept>, by: number) => bytesOf.set(part, (bytesOf.get(part) ?? 0) + by)

  const remove = (part: Map<string, Kept>, key: string) => {
    const entry = part.get(key)
    if (entry === undefined) return
    part.delete(key)
    weigh(part, -sizeOf(key, entry))
    for (const tag of entry.tags) {
      const keys = byTag.get(tag)
      keys?.delete(key)
      if (keys?.size === 0) byTag.delete(tag)
    }
  }
  const add = (part: Map<string, Kept>, key: string, entry: Kept) => {
    part.set(key, entry)
    weigh(part, sizeOf(key, entry))
    for (const tag of entry.tags) {
      const keys = byTag.get(tag) ?? new Set()
      byTag.set(tag, keys.add(key))
    }
    const roomBytes = bytesMax * (part === probation ? probationShare : 1 - probationShare)
    for (const oldest of part.keys()) {
      if ((bytesOf.get(part) ?? 0) <= roomBytes) break
      remove(part, oldest)
    }
  }
  const find = (key: string) => proven.get(key) ?? probation.get(key)
  const isKept = (entry: Kept | undefined) => entry !== undefined

  return {
    get(key) {
      const known = proven.get(key)
      if (known !== undefined) {
        // Put last again: the first of the map goes first. Its tags and its weight stay as they are.
        proven.delete(key)
        proven.set(key, known)
        return known
      }
      const entry = probation.get(key)
      if (entry === undefined) return undefined
      remove(probation, key)
      add(proven, key, entry)
      return entry
    },
    set(key, entry, freshUntilMs) {
      const before = find(key)
      const forms = before?.body.equals(entry.body) ? before.packed : packed(entry)
      const made = { ...entry, freshUntilMs, packed: forms }
      const part = proven.has(key) ? proven : probation
      remove(part, key)
      add(part, key, made)
      return made
    },
    tagged: (tag) => [...(byTag.get(tag) ?? [])].map(find).filter(isKept),
    all: () => [...proven.values(), ...probation.values()],
    get bytes() {
      return (bytesOf.get(probation) ?? 0) + (bytesOf.get(proven) ?? 0)
    },
    get count() {
      return probation.size + proven.size
    },
  }
}

/** With room for its packed forms, which come later. */
const sizeOf = (key: string, { body }: Entry) => key.length * 2 + body.length * 2 + overheadBytes
