import { createHash } from 'node:crypto'
import { type Cluster, shareOf } from './cluster.ts'

export type Wanted = {
  /** Whether it changes something, and so has to go where that is taken. */
  isWrite: boolean
  /** The turn that it would be sent with: a cluster that has not heard of it refuses what changes something. */
  epoch: number
  /** The reader's, so that one keeps to one cluster and so to one version; undefined where nobody knows. */
  key: string | undefined
  tried: readonly Cluster[]
}

/**
 * Picks a cluster by its share. Of those that are down or cut off none is picked while there is another; when there is
 * none, one of them is all the same: all of them cannot be meant to be left out, and one may be back already.
 * @returns undefined when no cluster may get it at all
 */
export function chooseCluster(
  clusters: readonly Cluster[],
  { isWrite, epoch, key, tried }: Wanted,
  nowMs: number,
  random: () => number,
): Cluster | undefined {
  const open = clusters.filter(
    (each) => each.pictured.weight > 0 && (each.pictured.takesWrites || !isWrite) && !tried.includes(each),
  )
  // Where all are behind, one of them may have heard of it by now.
  const told = isWrite ? open.filter((each) => (each.epoch ?? epoch) >= epoch) : open
  const allowed = told.length > 0 ? told : open
  const shares = allowed.map((cluster) => ({ cluster, share: shareOf(cluster, nowMs) }))
  const sound = shares.filter(({ share }) => share > 0)
  const candidates =
    sound.length > 0
      ? sound
      : tried.length > 0
        ? []
        : allowed.map((cluster) => ({ cluster, share: cluster.pictured.weight }))
  return key === undefined ? byChance(candidates, random) : byKey(candidates, key)
}

type Candidate = { cluster: Cluster; share: number }

function byChance(candidates: readonly Candidate[], random: () => number): Cluster | undefined {
  let left = random() * candidates.reduce((sum, { share }) => sum + share, 0)
  for (const { cluster, share } of candidates) {
    left -= share
    if (left < 0) return cluster
  }
  return candidates.at(-1)?.cluster
}

/**
 * Rendezvous hashing with weights: when a share changes, only as many readers move as have to.
 * Source: J. Schindelhauer and G. Schomaker, "Weighted Distributed Hash Tables", SPAA 2005.
 */
function byKey(candidates: readonly Candidate[], key: string): Cluster | undefined {
  let best: { cluster: Cluster; score: number } | undefined
  for (const { cluster, share } of candidates) {
    const score = share / -Math.log(unit(`${key} ${cluster.pictured.name}`))
    if (best === undefined || score > best.score) best = { cluster, score }
  }
  return best?.cluster
}

/** A text as a number in (0, 1), evenly spread. */
function unit(text: string): number {
  return (createHash('md5').update(text).digest().readUInt32LE(0) + 0.5) / 2 ** 32
}
