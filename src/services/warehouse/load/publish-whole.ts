import { systemClock } from '#ports/clock'
import type { Session } from '#ports/database'
import { holdFence } from '#ports/lease'
import type { ObjectStore } from '#ports/object-store'
import { showCut, tidy } from '../store/local-cut.ts'
import { type Manifest, partsOf, publish, removeManifests } from '../store/manifest.ts'
import type { Loading } from './loading.ts'
import type { Uploads } from './move-parts.ts'

const keepMsDefault = 15 * 60_000

export type Publishing = {
  session: Session
  manifest: Manifest
  before: Manifest | undefined
  uploads: Uploads
  /** What the object store had when the load began. */
  stored: readonly string[]
}

/** Stores what is new, and then, if nobody else may be loading by now, says that this is the warehouse. */
export async function publishWhole(
  loading: Loading,
  { session, manifest, before, uploads, stored }: Publishing,
): Promise<void> {
  const { objects, root, onPoint, clock = systemClock, keepMs = keepMsDefault } = loading
  const there = new Set(stored)
  // Also what an earlier load has stored and somebody took away: all of it is here.
  for (const part of partsOf(manifest)) if (!there.has(part.key)) uploads.begin(part)
  await uploads.finish()
  await onPoint?.('parts-stored')
  // The lock goes with its connection: whoever has lost it must not publish, nor who has lost the turn. The next one
  // begins when this transaction is over.
  await session.transaction(async (tx) => {
    if (loading.fence === undefined) await tx.query('SELECT 1', [])
    else await holdFence(tx, loading.fence)
    await publish(objects, manifest)
  })
  await onPoint?.('published')
  await showCut(root, objects, manifest)
  await onPoint?.('shown')
  await sweep(objects, stored, manifest)
  await removeManifests(objects, [before, manifest])
  await tidy(root, clock.now(), keepMs)
  await onPoint?.('swept')
}

/** Removes objects that nobody names: of loads that died, and those that were replaced long enough ago. */
async function sweep(objects: ObjectStore, stored: readonly string[], manifest: Manifest): Promise<void> {
  const named = new Set([...partsOf(manifest), ...manifest.superseded].map(({ key }) => key))
  for (const key of stored) if (!named.has(key)) await objects.delete(key)
}

/** What a load replaces, kept for so long for whoever still reads it. */
export function supersededBy(
  before: Manifest | undefined,
  tables: Manifest['tables'],
  nowMs: number,
  keepMs = keepMsDefault,
): Manifest['superseded'] {
  if (before === undefined) return []
  const current = new Set(partsOf({ ...before, tables }).map(({ key }) => key))
  const replaced = partsOf(before).filter(({ key }) => !current.has(key))
  return [...before.superseded, ...replaced.map(({ key }) => ({ key, atMs: nowMs }))].filter(
    ({ atMs }) => nowMs - atMs < keepMs,
  )
}
