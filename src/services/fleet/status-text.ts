import type { FleetMemory } from './decisions/model.ts'
import type { Topology } from './decisions/topology.ts'
import type { BookstoreFleet, FleetMember } from './hub/fleet-object.ts'

const shownEvents = 15

/** A fleet as an operator reads it: what is wanted, where each cluster is and why, and what happened. */
export function statusText({ metadata, spec, status }: BookstoreFleet, nowMs: number): string {
  const lines: string[] = []
  const say = (line: string) => lines.push(line)
  const memory = status?.memory
  say(
    `wanted ${spec.version}; ${status?.message ?? 'nobody looks after it yet'}${spec.paused ? '; paused' : ''}`,
  )
  if (status !== undefined && status.observedGeneration !== metadata.generation)
    say('its controller has not looked at the last change')
  for (const each of status?.troubles ?? []) say(each)
  say(`\n${row('CLUSTER', 'PHASE', 'VERSION', 'WEIGHT', 'RING', 'APPROVED BY', 'WHY')}`)
  for (const { name, ring = 0, approvedBy = [] } of [...spec.clusters, ...leaversOf(spec, memory)]) {
    const { phase = 'out', version = '–', weight = 0 } = memory?.clusters[name] ?? {}
    const people = approvedBy.join(', ') || 'nobody'
    say(row(name, phase, version, String(weight), String(ring), people, status?.why?.[name] ?? ''))
  }
  for (const { name, maintenance = [] } of spec.clusters)
    for (const { from, until } of maintenance)
      if (Date.parse(until) > nowMs) say(`\n${name}: maintenance from ${from} until ${until}`)
  for (const [database, home] of Object.entries(memory?.homes ?? {}))
    say(`\n${database}: its primary is at ${home.cluster}, turn ${home.epoch}, ${home.step}`)
  if (memory?.topology !== undefined) sayTopology(memory.topology, say)
  for (const [version, why] of Object.entries(memory?.bad ?? {})) say(`\n${version} was rolled back: ${why}`)
  say('')
  for (const { atMs, text: said } of memory?.timeline.slice(-shownEvents) ?? [])
    say(`${new Date(atMs).toISOString().slice(0, 19)}Z  ${said}`)
  for (const step of status?.plan ?? []) say(`would do: ${step}`)
  return lines.join('\n')
}

/** Those that the fleet does not name any more, and that are not gone yet. */
const leaversOf = (spec: BookstoreFleet['spec'], memory: FleetMemory | undefined): FleetMember[] =>
  Object.entries(memory?.clusters ?? {}).flatMap(([name, { phase, url = '' }]) =>
    ['out', 'revoked'].includes(phase) || spec.clusters.some((each) => each.name === name)
      ? []
      : [{ name, url }],
  )

function sayTopology(
  { home, to, epoch, step, unsettled, trouble }: Topology,
  say: (line: string) => void,
): void {
  const where = step === 'steady' ? `at ${home}` : `on their way from ${home} to ${to}`
  say(`\ndatabases: their primaries are ${where}, turn ${epoch}, ${step}`)
  for (const name of Object.keys(unsettled))
    say(`${name} was given up with primaries of its own: its Clusters have to be made anew`)
  if (trouble !== undefined) say(trouble)
}

const row = (...cells: string[]) =>
  cells
    .map((cell) => cell.padEnd(12))
    .join(' ')
    .trimEnd()
