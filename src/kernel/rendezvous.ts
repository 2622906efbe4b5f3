/**
 * Rendezvous hashing: the node of highest weight for a key wins, so that losing a node moves only that node's keys.
 * Source: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 6(1), 1998.
 */

/** All nodes, the best for `key` first; each next one takes over when those before it are away. */
export function ranked<T>(key: string, nodes: readonly T[], idOf: (node: T) => string): T[] {
  const seed = hash32(key)
  return nodes
    .map((node) => ({ node, weight: mix32(seed ^ mix32(hash32(idOf(node)))) }))
    .sort((a, b) => b.weight - a.weight || (idOf(a.node) < idOf(b.node) ? -1 : 1))
    .map(({ node }) => node)
}

/** FNV-1a, 32 bits. Source: IETF draft-eastlake-fnv. */
function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** The finaliser of MurmurHash3: every input bit changes every output bit. Source: A. Appleby, smhasher. */
function mix32(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
