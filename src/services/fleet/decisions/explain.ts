import { certificateSecondsMax, missingApproval } from './admission.ts'
import { maintainedUntil } from './as-of-now.ts'
import { isHome } from './homes.ts'
import type { ClusterSpec, SeenCluster } from './model.ts'
import { isFollowed, isoOf, look, type Round, stateOf } from './round.ts'

const edgesWaited = 'waits until every edge follows'

/** Why each cluster is where it is, for whoever waits for it: by name, of those that are not just serving. */
export function explain(round: Round): Record<string, string> {
  const found = round.spec.clusters.flatMap((each): [string, string][] => {
    const why = whyOf(round, each)
    return why === undefined ? [] : [[each.name, why]]
  })
  return Object.fromEntries(found)
}

function whyOf(round: Round, spec: ClusterSpec): string | undefined {
  const { phase, version } = stateOf(round, spec.name)
  const seen = look(round, spec.name)
  switch (phase) {
    case 'out':
      return whyOut(round, spec, seen)
    case 'joining':
      return whyNotThere(seen, version)
    case 'serving':
      return whyServing(round, spec, seen)
    case 'draining':
      return isFollowed(round) ? 'waits until what is on its way has ended' : edgesWaited
    case 'revoking':
      return seen !== undefined && seen.works > 0
        ? 'waits until its works are gone'
        : 'waits until the hub says that its certificate opens nothing'
    case 'revoked':
      return whyRevoked(round, spec)
  }
}

function whyOut(round: Round, spec: ClusterSpec, seen: SeenCluster | undefined): string {
  const { memory, nowMs } = round
  const missing = missingApproval(spec)
  if (missing !== undefined) return missing.slice(spec.name.length + 1)
  if (seen === undefined || seen.registration === 'absent') return 'its agent has not registered on the hub'
  if (seen.registration === 'waiting')
    return seen.denied === undefined
      ? 'its agent has not asked for a certificate'
      : `its certificate was denied: ${seen.denied}`
  const untilMs = maintainedUntil(spec, nowMs)
  if (untilMs !== undefined) return `is in maintenance until ${isoOf(untilMs)}`
  if (spec.intent === 'drain') return 'is drained'
  if (seen.isAvailable !== true) return 'the hub does not hear of it'
  const version = memory.goodVersion ?? memory.rollout?.from ?? round.spec.version
  if (!round.seen.versions.some((each) => each.version === version)) return `nobody has made ${version} known`
  if (nowMs < (stateOf(round, spec.name).restsUntilMs ?? 0)) return 'was lost, and is not relied on yet'
  return `is not needed: ${memory.wanted.count} are wanted`
}

function whyNotThere(seen: SeenCluster | undefined, version: string | undefined): string | undefined {
  const { work, edge } = seen ?? {}
  if (work?.version !== version) return 'its work is on its way'
  if (!work?.isApplied) return 'its cluster has not applied its work'
  if (!work.isReady) return 'its replicas are not ready'
  if (edge === undefined) return 'no edge has heard of it'
  if (!edge.isUp) return 'edges do not find it up'
  if (edge.version !== undefined && edge.version !== version)
    return `its gateways say that they are ${edge.version}, not ${version}`
  return undefined
}

function whyServing(round: Round, { name, intent }: ClusterSpec, seen: SeenCluster | undefined) {
  const { rollout } = round.memory
  if (seen?.edge?.isUp === false) return 'edges do not find it up'
  if (rollout?.cluster === name && rollout.step === 'lowering') return edgesWaited
  if (rollout?.cluster === name && rollout.step === 'soaking') return `${rollout.version} is judged`
  if (rollout?.cluster === name) return whyNotThere(seen, stateOf(round, name).version)
  if (intent === 'serve') return undefined
  return isHome(round, name)
    ? 'its databases move first'
    : 'is let go when another cluster serves in its place'
}

function whyRevoked({ memory }: Round, { name, key, intent }: ClusterSpec): string | undefined {
  if (intent === 'revoke') return undefined
  const { revokedKeys = [], sinceMs = 0 } = memory.clusters[name] ?? {}
  if (key === '' || revokedKeys.includes(key))
    return 'was revoked: it comes back with another key (keySha256)'
  const fromMs = sinceMs + certificateSecondsMax * 1_000
  return `was revoked: it comes back at ${isoOf(fromMs)}`
}
