import { ranked } from '#kernel/rendezvous'

/** Where keys lie, and which of their nodes is read. */
export type Placement = {
  /** The nodes that hold `key`, best first; `mayUse` leaves out those that are down. */
  holders(key: string, mayUse?: (node: string) => boolean): string[]
  /** Those nodes in the order in which they should be read; counts the read as load of the first. */
  readers(key: string, mayUse?: (node: string) => boolean): string[]
  /** Tells the placement that time has passed. */
  decay(): void
}

/** Each key lies on so many nodes. */
export const copies = 2
/** A node may have this share more than the mean before a key's other node is read. */
const boundedLoad = 0.1
/** Reads a node must have had lately before its load says anything. */
const loadMin = 64
const rankedKeptMax = 20_000

/**
 * Rendezvous hashing with bounded loads: every key has its two nodes by weight, so that losing a node moves only that
 * node's share, and a node that is asked more than its fair share passes readers on to the key's other one.
 * Source: Thaler and Ravishankar, IEEE/ACM ToN 6(1), 1998; Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with
 * Bounded Loads", SODA 2018.
 */
export function createPlacement(nodes: readonly string[]): Placement {
  const load = new Map(nodes.map((node) => [node, 0]))
  let total = 0
  const kept = new Map<string, string[]>()

  const rank = (key: string) => {
    const known = kept.get(key)
    if (known !== undefined) return known
    const order = ranked(key, nodes, (node) => node)
    if (kept.size >= rankedKeptMax) kept.clear()
    kept.set(key, order)
    return order
  }
  const holders = (key: string, mayUse: (node: string) => boolean = () => true) => {
    const found: string[] = []
    for (const node of rank(key)) {
      if (found.length === copies) break
      if (mayUse(node)) found.push(node)
    }
    return found
  }
  return {
    holders,
    readers(key, mayUse) {
      const [first, second] = holders(key, mayUse)
      if (first === undefined) return []
      const loads = [load.get(first) ?? 0, second === undefined ? 0 : (load.get(second) ?? 0)] as const
      const isOver = loads[0] > loadMin && loads[0] > (1 + boundedLoad) * (total / nodes.length)
      const order =
        second === undefined ? [first] : isOver && loads[1] < loads[0] ? [second, first] : [first, second]
      const reader = order[0] as string
      load.set(reader, (load.get(reader) ?? 0) + 1)
      total++
      return order
    },
    decay() {
      total = 0
      for (const [node, reads] of load) {
        load.set(node, reads / 2)
        total += reads / 2
      }
    },
  }
}
