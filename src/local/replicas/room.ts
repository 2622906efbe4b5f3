import { statfsSync } from 'node:fs'
import type { DatabaseSet } from './database-set.ts'

/** With less than one more file of its log a primary ends in the middle of a commit. Source: PostgreSQL's wal_segment_size. */
const roomMinBytes = 16 * 1024 * 1024
/** Whoever takes its place is to have this much, so that the two do not change places again and again. */
const roomWantedBytes = 4 * roomMinBytes

/** Why the primary is lost that has nowhere to write, while there are replicas that have; otherwise undefined. */
export function withoutRoom(set: DatabaseSet): string | undefined {
  const { freeBytes = freeBytesOf } = set.options
  const primary = set.primary()
  if (primary.answer === undefined || freeBytes(primary.cluster) >= roomMinBytes) return undefined
  const others = set.others().filter(({ number }) => set.record.followers.includes(number))
  const haveRoom = others.filter(({ answer, cluster }) => answer && freeBytes(cluster) >= roomWantedBytes)
  // Each that may be chosen has to have it: the furthest is, whatever room it has.
  const isSafe = haveRoom.length === others.length && haveRoom.length > set.quorum
  return isSafe ? 'has no room left on its disk' : undefined
}

function freeBytesOf(cluster: string): number {
  try {
    const { bavail, bsize } = statfsSync(cluster)
    return bavail * bsize
  } catch {
    // A folder that is gone is noticed elsewhere.
    return Number.POSITIVE_INFINITY
  }
}
