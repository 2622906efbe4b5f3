import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { ConfigError, version as ownVersion, readConfig } from '#config'
import { type KubernetesApi, KubernetesError, openKubernetes } from '#ports/kubernetes'
import { roles } from '#roles'
import { made } from '../process/schema.ts'
import type { FleetMemory } from '../services/fleet/decisions/model.ts'
import type { Topology } from '../services/fleet/decisions/topology.ts'
import { questionsOf } from '../services/fleet/hub/carry-out.ts'
import type { BookstoreFleet, FleetMember } from '../services/fleet/hub/fleet-object.ts'
import { fleetApi, versionLabel } from '../services/fleet/hub/objects.ts'
import { versionMapName } from '../services/fleet/hub/seen.ts'

export const summary =
  'look after a fleet on an OCM hub: octavo fleet status | drain NAME | serve NAME | revoke NAME | approve NAME | move-databases NAME [--accept-loss] | roll-out VERSION | pause | resume | rights NAME | add-version VERSION'

type Fleet = { api: KubernetesApi; path: string; namespace: string; object: BookstoreFleet }
const shownEvents = 15
const triesMax = 10

/** @returns 0 when it is done, 1 when there is no such fleet or cluster, 2 when it was asked for the wrong way */
export async function run(args: string[]): Promise<number> {
  const options = {
    json: { type: 'boolean', default: false },
    by: { type: 'string' },
    'accept-loss': { type: 'boolean', default: false },
  } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [what = 'status', name = ''] = positionals
  const verbs: Record<string, (fleet: Fleet) => Promise<number>> = {
    status: async (fleet) => show(fleet.object, values.json),
    drain: (fleet) => change(fleet, name, { intent: 'drain' }),
    serve: (fleet) => change(fleet, name, { intent: 'serve' }),
    revoke: (fleet) => change(fleet, name, { intent: 'revoke' }),
    approve: (fleet) => approve(fleet, name, values.by),
    'roll-out': (fleet) => want(fleet, { version: name }),
    'move-databases': (fleet) => moveDatabases(fleet, name, values['accept-loss']),
    pause: (fleet) => want(fleet, { paused: true }),
    resume: (fleet) => want(fleet, { paused: false }),
    rights: (fleet) => rights(fleet, name),
    'add-version': (fleet) => addVersion(fleet, name),
  }
  const verb = Object.hasOwn(verbs, what) ? verbs[what] : undefined
  const needsName = !['status', 'pause', 'resume'].includes(what)
  if (verb === undefined || (needsName && name === '')) {
    console.error(`octavo fleet: it takes ${Object.keys(verbs).join(', ')}; octavo fleet --help says how`)
    return 2
  }
  const { url = '' } = readConfig(process.env).fleet
  if (!url.startsWith('kubernetes:'))
    throw new ConfigError(
      'OCTAVO_FLEET should be kubernetes://host:port/namespace/name, the fleet on its hub',
    )
  const { api: opened, host, namespace, release = 'store' } = await openKubernetes(url)
  await using api = opened
  const path = `${fleetApi}/namespaces/${namespace}/bookstorefleets/${release}`
  for (let tries = 1; ; tries++) {
    const object = await api.get<BookstoreFleet>(path)
    if (object === undefined) {
      console.error(`octavo fleet: there is no fleet ${namespace}/${release} at ${host}`)
      return 1
    }
    try {
      return await verb({ api, path, namespace, object })
    } catch (error) {
      // Its controller writes what it remembers into the same object: what was read is old soon.
      if (!(error instanceof KubernetesError && error.isConflict) || tries === triesMax) throw error
    }
  }
}

function show({ metadata, spec, status }: BookstoreFleet, asJson: boolean): number {
  if (asJson) {
    console.log(JSON.stringify({ spec, status }, null, 2))
    return 0
  }
  const memory = status?.memory
  console.log(
    `wanted ${spec.version}; ${status?.message ?? 'nobody looks after it yet'}${spec.paused ? '; paused' : ''}`,
  )
  if (status !== undefined && status.observedGeneration !== metadata.generation)
    console.log('its controller has not looked at the last change')
  for (const each of status?.troubles ?? []) console.log(each)
  console.log(`\n${row('CLUSTER', 'PHASE', 'VERSION', 'WEIGHT', 'RING', 'APPROVED BY', 'WHY')}`)
  for (const { name, ring = 0, approvedBy = [] } of [...spec.clusters, ...leaversOf(spec, memory)]) {
    const { phase = 'out', version = '–', weight = 0 } = memory?.clusters[name] ?? {}
    const people = approvedBy.join(', ') || 'nobody'
    console.log(row(name, phase, version, String(weight), String(ring), people, status?.why?.[name] ?? ''))
  }
  for (const [database, home] of Object.entries(memory?.homes ?? {}))
    console.log(`\n${database}: its primary is at ${home.cluster}, turn ${home.epoch}, ${home.step}`)
  if (memory?.topology !== undefined) showTopology(memory.topology)
  for (const [version, why] of Object.entries(memory?.bad ?? {}))
    console.log(`\n${version} was rolled back: ${why}`)
  console.log('')
  for (const { atMs, text: said } of memory?.timeline.slice(-shownEvents) ?? [])
    console.log(`${new Date(atMs).toISOString().slice(0, 19)}Z  ${said}`)
  for (const step of status?.plan ?? []) console.log(`would do: ${step}`)
  return 0
}

/** Those that the fleet does not name any more, and that are not gone yet. */
const leaversOf = (spec: BookstoreFleet['spec'], memory: FleetMemory | undefined): FleetMember[] =>
  Object.entries(memory?.clusters ?? {}).flatMap(([name, { phase, url = '' }]) =>
    ['out', 'revoked'].includes(phase) || spec.clusters.some((each) => each.name === name)
      ? []
      : [{ name, url }],
  )

function showTopology({ home, to, epoch, step, unsettled, trouble }: Topology): void {
  const where = step === 'steady' ? `at ${home}` : `on their way from ${home} to ${to}`
  console.log(`\ndatabases: their primaries are ${where}, turn ${epoch}, ${step}`)
  for (const name of Object.keys(unsettled))
    console.log(`${name} was given up with primaries of its own: its Clusters have to be made anew`)
  if (trouble !== undefined) console.log(trouble)
}

const row = (...cells: string[]) =>
  cells
    .map((cell) => cell.padEnd(12))
    .join(' ')
    .trimEnd()

/** At the version that was read: what somebody else changes meanwhile is not written over. */
async function want({ api, path, object }: Fleet, spec: Partial<BookstoreFleet['spec']>): Promise<number> {
  const { resourceVersion } = object.metadata
  await api.send('PATCH', path, { metadata: { resourceVersion }, spec })
  console.log('done; octavo fleet status shows what becomes of it')
  return 0
}

async function change(fleet: Fleet, name: string, to: Partial<FleetMember>): Promise<number> {
  const { clusters } = fleet.object.spec
  if (!clusters.some((each) => each.name === name)) {
    console.error(`octavo fleet: there is no cluster ${name} in it`)
    return 1
  }
  return await want(fleet, {
    clusters: clusters.map((each) => (each.name === name ? { ...each, ...to } : each)),
  })
}

async function moveDatabases(fleet: Fleet, name: string, acceptsLoss: boolean): Promise<number> {
  const { spec, status } = fleet.object
  const { cloudNativePg } = spec.databases ?? {}
  const hasThem = cloudNativePg
    ? cloudNativePg.clusters.includes(name)
    : spec.clusters.some((each) => each.name === name && each.keeper !== undefined)
  if (!hasThem) {
    console.error(`octavo fleet: ${name} is no cluster of it that keeps database servers`)
    return 1
  }
  const topology = cloudNativePg && status?.memory?.topology
  const fault = acceptsLoss ? faultOfAcceptance(topology, name) : undefined
  if (fault !== undefined) {
    console.error(`octavo fleet: ${fault}`)
    return 1
  }
  // For the turn that was looked at. What was accepted before counts for no move that comes later.
  const acceptLossOf = acceptsLoss ? topology?.epoch : null
  return await want(fleet, { databases: { ...spec.databases, home: name, acceptLossOf } })
}

/** Why there is nothing to give up for a cluster: accepted all the same it would count against the next move. */
export function faultOfAcceptance(topology: Topology | undefined, name: string): string | undefined {
  if (topology === undefined)
    return '--accept-loss is for databases of CloudNativePG whose primaries are known'
  const { home, step, to, tokens } = topology
  if (name === home && step === 'steady')
    return `their primaries are at ${name} already, and nothing has to be lost`
  if (name === home && (step === 'demoting' || step === 'returning'))
    return `their primaries are still at ${name}: octavo fleet move-databases ${name} calls the move off, and loses nothing`
  const isByToken = Object.values(tokens).some((each) => each !== '')
  if (name === to && (step === 'fencing' || (step === 'promoting' && !isByToken)))
    return `${name} is being promoted with what it has already`
  return undefined
}

/** In the name by which the hub knows whoever asks, unless another is given: where approvals are watched over none may be. */
async function approve(fleet: Fleet, name: string, given?: string): Promise<number> {
  const person = given || (await ownName(fleet))
  const approvedBy = fleet.object.spec.clusters.find((each) => each.name === name)?.approvedBy ?? []
  return await change(fleet, name, { approvedBy: [...new Set([...approvedBy, person])] })
}

async function ownName({ api }: Fleet): Promise<string> {
  const { status } = await api.send<{ status: { userInfo: { username: string } } }>(
    'POST',
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  )
  return status.userInfo.username
}

/** What a cluster's certificate opens on the hub, as the hub itself says. */
async function rights({ api }: Fleet, name: string): Promise<number> {
  for (const { question, review } of questionsOf(name)) {
    const { status } = await api.send<{ status: { allowed: boolean } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      review,
    )
    const { verb, resource, group, namespace } = question
    const where = namespace === undefined ? 'everywhere' : `in ${namespace}`
    console.log(
      `${status.allowed ? 'may    ' : 'may not'}  ${verb} ${resource}${group && `.${group}`} ${where}`,
    )
  }
  return 0
}

/** Makes a version known to the hub: its manifests, as JSON on the input, and how far it migrates the databases. */
async function addVersion({ api, namespace }: Fleet, version: string): Promise<number> {
  const manifests = manifestsIn(await text(process.stdin))
  if (manifests.length === 0) {
    console.error('octavo fleet: there are no manifests on its input; it takes them as JSON')
    return 2
  }
  try {
    await api.send('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
      metadata: { name: versionMapName(version), labels: { [versionLabel]: 'known' } },
      data: {
        ...{ version, schemas: JSON.stringify(await ownSchemas()), manifests: JSON.stringify(manifests) },
      },
      immutable: true,
    })
  } catch (error) {
    if (!(error instanceof KubernetesError && error.isConflict)) throw error
    console.error(`octavo fleet: ${version} is known already, and what is known does not change`)
    return 1
  }
  console.log(
    `${version} is known, with ${manifests.length} manifests and the schemas of Octavo ${ownVersion}`,
  )
  return 0
}

/** As kubectl writes them: one object, a List of them, or one after the other. @throws SyntaxError when it is no JSON */
export function manifestsIn(json: string): object[] {
  const documents = json.split(/(?<=^\}\s*)(?=^\{)/m).filter((part) => part.trim() !== '')
  return documents.flatMap((part) => {
    const read = JSON.parse(part) as { kind?: string; items?: object[] }
    return read.kind === 'List' ? (read.items ?? []) : [read]
  })
}

async function ownSchemas(): Promise<Record<string, { version: number; oldest: number }>> {
  const schemas: Record<string, { version: number; oldest: number }> = {}
  for (const { name, tables } of roles)
    if (tables !== undefined) schemas[name] = made(await tables.migrations('postgres://'))
  return schemas
}
