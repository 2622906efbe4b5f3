import { enter, look, note, type Round } from './round.ts'
import { migrated } from './schema-guard.ts'

/** Whether no cluster of it has ever been given work, as far as the hub remembers. */
const isUnbegun = ({ memory }: Pick<Round, 'memory'>): boolean =>
  memory.goodVersion === undefined &&
  Object.values(memory.clusters).every(({ phase }) => ['out', 'revoking', 'revoked'].includes(phase))

/** Nobody can say who sells already: what edges are told now could take their readers from them. */
export const isBlind = (round: Pick<Round, 'memory' | 'seen'>): boolean =>
  isUnbegun(round) && round.seen.followed === undefined && round.seen.answering.size === 0

/**
 * A hub that remembers nothing of a fleet that sells, because it is a new one or somebody has deleted the fleet and made
 * it again, takes it as it is: whoever edges send readers to goes on, with the version that it runs.
 */
export function adopt(round: Round): void {
  const { spec, seen } = round
  if (!isUnbegun(round)) return
  let count = 0
  for (const { name, intent } of spec.clusters) {
    const { edge, work } = look(round, name) ?? {}
    if (intent === 'revoke' || edge?.weight === undefined || edge.weight === 0) continue
    const known = edge.version === 'several' ? undefined : edge.version
    const version = known ?? work?.version ?? spec.version
    note(round, `${name}: sells already, as edges say, and goes on with ${version}`)
    enter(round, name, 'serving', { version, weight: edge.weight })
    count++
    const record = seen.versions.find((each) => each.version === version)
    if (record !== undefined)
      round.memory = { ...round.memory, schemas: migrated(round.memory.schemas, record) }
  }
  // Fewer only after a while, as ever: nobody knows yet how many are needed.
  if (count > 0) round.memory = { ...round.memory, wanted: { count, lessSinceMs: undefined } }
}
