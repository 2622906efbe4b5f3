import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import {
  both,
  type GivenUp,
  hasTaken,
  type Look,
  lastHeard,
  noTokens,
  type SeenCopy,
  type Topology,
} from './topology.ts'

/**
 * Where the primaries are, as every member says: nobody is told anything before, for it could promote somebody. Where they
 * say different things, as after a hub was put back, it is the cluster that was told last that it has them.
 */
export function begin(look: Look): Topology | undefined {
  const { spec, seen, nowMs, said } = look
  // What was fed back before the hub only looked may be of an earlier day.
  if (spec.members.some((name) => spec.works.get(name) !== 'look')) return undefined
  const names = new Set(spec.members.flatMap((name) => namesBy(look, name)))
  if (names.has('')) return undefined
  const [only = ''] = names
  const home = names.size === 1 && spec.members.includes(only) ? only : toldLast(look)
  if (home === undefined) {
    said.push(
      `databases: their Clusters name several primaries (${[...names].join(', ')}), so nothing is told`,
    )
    return undefined
  }
  const unsettled = Object.fromEntries(
    spec.members.flatMap((name) => (isUnsettled(look, name, home) ? [[name, givenUp(look, name)]] : [])),
  )
  // They were on their way, and nobody else has been promoted: they are where they were; or it has been promoted just now.
  const isMade = keptDatabases.every((each) => isPrimary(seen.get(home)?.[each], home))
  said.push(`databases: their primaries are at ${home}${isMade ? '' : ', which is made that first'}`)
  for (const name of Object.keys(unsettled))
    said.push(`databases: ${name} may have what ${home} has not, and has to be made anew`)
  return {
    ...{ epoch: spec.epoch, telling: 0, home, to: '', sinceMs: nowMs, unsettled },
    step: isMade ? 'steady' : 'returning',
    tokens: both((each) => tokenOf(look, home, each)),
    ...{ uids: noTokens, timelines: { 'order-db': 0, 'book-db': 0 } },
    ...{ lostSinceMs: undefined, trouble: undefined },
  }
}

const isPrimary = (copy: SeenCopy | undefined, home: string): boolean =>
  copy?.primary === home && copy.demotionToken === '' && hasTaken(copy, copy.given)

/** By what it is the primary, or is made that: the end of its own log, or of that of the one before. */
function tokenOf({ seen }: Look, home: string, database: KeptDatabase): string {
  const copy = seen.get(home)?.[database]
  if (copy === undefined || copy.primary === home) return copy?.given ?? ''
  // A token of an earlier time as the primary stays until it is one again.
  if (copy.home === home) return copy.demotionToken
  const former = seen.get(copy.home)?.[database]
  return former?.primary === home && !former.isUnsettled ? former.demotionToken : ''
}

/** Whom its Clusters name; nothing for one that has not said it. */
const namesBy = ({ seen }: Look, name: string): string[] =>
  keptDatabases.map((each) => seen.get(name)?.[each]?.primary ?? '')

const heardBy = ({ seen }: Look, name: string): number =>
  Math.min(...keptDatabases.map((each) => seen.get(name)?.[each]?.telling ?? 0))

/** Of all that heard the last telling, the one that was told that it has them; where none was, who had them before. */
function toldLast({ spec, seen }: Look): string | undefined {
  const last = lastHeard(seen)
  const latest = spec.members.flatMap((name) =>
    keptDatabases.flatMap((each) => {
      const copy = seen.get(name)?.[each]
      return copy?.telling === last ? [{ name, copy }] : []
    }),
  )
  const claims = latest.filter(({ name, copy }) => copy.primary === name).map(({ name }) => name)
  const [home = '', ...others] = new Set(claims.length > 0 ? claims : latest.map(({ copy }) => copy.home))
  return last > 0 && others.length === 0 && spec.members.includes(home) ? home : undefined
}

/** It was told so, or goes by an earlier telling than the home, and another primary: it may have what that has not. */
function isUnsettled(look: Look, name: string, home: string): boolean {
  if (name === home) return false
  const named = namesBy(look, name)
  const isEarlier = heardBy(look, name) < heardBy(look, home) || named.includes(name)
  return (
    keptDatabases.some((each) => look.seen.get(name)?.[each]?.isUnsettled) ||
    (isEarlier && named.some((each) => each !== home))
  )
}

function givenUp(look: Look, name: string): GivenUp {
  const copies = look.seen.get(name)
  const hasThem = namesBy(look, name).includes(name)
  return {
    // Any earlier one will do: its gateways refuse what edges send.
    epoch: hasThem ? look.spec.epoch - 1 : undefined,
    uids: both((each) => copies?.[each]?.uid ?? ''),
    tokens: both((each) => copies?.[each]?.demotionToken ?? ''),
    hasEnded: !hasThem,
  }
}
