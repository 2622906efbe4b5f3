import { note, type Round } from './round.ts'

/** An edge that says nothing for so long is no address of the shop's any more. */
const goneAfterMs = 5_000
/** What somebody else has changed is put right so often. */
const againMs = 60_000

/** Keeps the shop's name at the addresses of the edges that answer; at all of them when none does. */
export function keepDns(round: Round): void {
  const { spec, seen, nowMs, memory } = round
  if (spec.dns === undefined) return
  const goneSinceMs = Object.fromEntries(
    spec.dns.edges.flatMap(({ url }) =>
      seen.answering.has(url) ? [] : [[url, memory.dns.goneSinceMs[url] ?? nowMs]],
    ),
  )
  const well = spec.dns.edges.filter(({ url }) => nowMs - (goneSinceMs[url] ?? nowMs) < goneAfterMs)
  const targets = (well.length > 0 ? well : spec.dns.edges).map(({ address }) => address).sort()
  const isSame = targets.join() === memory.dns.targets.join()
  if (!isSame) note(round, `${spec.dns.name} is at ${targets.join(', ')}`)
  const isDue = !isSame || nowMs - memory.dns.writtenMs >= againMs
  const writtenMs = isDue ? nowMs : memory.dns.writtenMs
  round.memory = { ...round.memory, dns: { targets, goneSinceMs, writtenMs } }
  if (isDue) round.actions.push({ kind: 'name', targets })
}
