import type { Member } from './member.ts'

/**
 * An order's course is settled once in a group; who asks for it again is judged by what the first one left. So it is
 * with the same key twice, which is looked for only once there was a conflict or something else to look up.
 */
export function oncePerOrder(
  members: readonly Member[],
  keysToo: boolean,
): [first: readonly Member[], repeats: Member[]] {
  const seen = new Set<string>()
  const [first, repeats]: [Member[], Member[]] = [[], []]
  for (const member of members) {
    const { wish } = member
    const order =
      wish.kind === 'settle'
        ? wish.settlement.orderId
        : wish.kind === 'place' && keysToo
          ? wish.draft.keyHash
          : undefined
    if (order !== undefined && seen.has(order)) repeats.push(member)
    else first.push(member)
    if (order !== undefined) seen.add(order)
  }
  return [first, repeats]
}
