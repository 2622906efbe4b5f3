import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { ConfigError, version as ownVersion, readConfig } from '#config'
import { type KubernetesApi, KubernetesError, openKubernetes } from '#ports/kubernetes'
import { roles } from '#roles'
import { made } from '../process/schema.ts'
import type { Topology } from '../services/fleet/decisions/topology.ts'
import { questionsOf } from '../services/fleet/hub/carry-out.ts'
import { type BookstoreFleet, type FleetMember, readMaintenance } from '../services/fleet/hub/fleet-object.ts'
import { fleetApi, type Manifest, versionLabel } from '../services/fleet/hub/objects.ts'
import { versionMapName } from '../services/fleet/hub/seen.ts'
import { statusText } from '../services/fleet/status-text.ts'

export const summary =
  'look after a fleet on an OCM hub: octavo fleet status | drain NAME | serve NAME | revoke NAME | approve NAME | maintain NAME FROM UNTIL | move-databases NAME [--accept-loss] | roll-out VERSION [--again] | pause | dry-run | resume | rights NAME | add-version VERSION'

type Fleet = { api: KubernetesApi; path: string; namespace: string; object: BookstoreFleet }
const triesMax = 10

/** How many words each takes, where it is not one. */
const words: Readonly<Record<string, number>> = { status: 0, pause: 0, 'dry-run': 0, resume: 0, maintain: 3 }
/** What each may be given besides. */
const optionsOf: Readonly<Record<string, string>> = {
  ...{ status: 'json', approve: 'by', 'move-databases': 'accept-loss', 'roll-out': 'again' },
}

/** @returns 0 when it is done, 1 when there is no such fleet or cluster, 2 when it was asked for the wrong way */
export async function run(args: string[]): Promise<number> {
  const options = {
    json: { type: 'boolean' },
    by: { type: 'string' },
    'accept-loss': { type: 'boolean' },
    again: { type: 'boolean' },
  } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [what = 'status', name = '', ...more] = positionals
  const verbs: Record<string, (fleet: Fleet) => Promise<number>> = {
    status: async ({ object }) => show(object, values.json === true),
    drain: (fleet) => change(fleet, name, { intent: 'drain' }),
    serve: (fleet) => serve(fleet, name),
    revoke: (fleet) => change(fleet, name, { intent: 'revoke' }),
    approve: (fleet) => approve(fleet, name, values.by),
    maintain: (fleet) => maintain(fleet, name, more),
    'roll-out': (fleet) => rollOut(fleet, name, values.again === true),
    'move-databases': (fleet) => moveDatabases(fleet, name, values['accept-loss'] === true),
    pause: (fleet) => want(fleet, { paused: true }),
    'dry-run': (fleet) => want(fleet, { dryRun: true }),
    resume: (fleet) => want(fleet, { paused: false, dryRun: false }),
    rights: (fleet) => rights(fleet, name),
    'add-version': (fleet) => addVersion(fleet, name),
  }
  const verb = Object.hasOwn(verbs, what) ? verbs[what] : undefined
  if (verb === undefined) {
    console.error(`octavo fleet: it takes ${Object.keys(verbs).join(', ')}; octavo fleet --help says how`)
    return 2
  }
  const fault = faultOfCall(what, positionals.slice(1), Object.keys(values))
  if (fault !== undefined) {
    console.error(`octavo fleet: ${fault}; octavo fleet --help says how`)
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

/** What is not taken is refused: whoever writes two names means both. */
export function faultOfCall(
  what: string,
  given: readonly string[],
  options: readonly string[],
): string | undefined {
  const count = words[what] ?? 1
  if (given.length !== count || given.some((each) => each.trim() === ''))
    return `${what} takes ${count === 0 ? 'nothing' : count === 1 ? 'one name' : `${count} words`}`
  const stray = options.find((each) => each !== optionsOf[what])
  return stray === undefined ? undefined : `${what} takes no --${stray}`
}

function show(object: BookstoreFleet, asJson: boolean): number {
  const { spec, status } = object
  console.log(asJson ? JSON.stringify({ spec, status }, null, 2) : statusText(object, Date.now()))
  return 0
}

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

/** Adds a time in which the cluster is drained; those that are over go. */
async function maintain(
  fleet: Fleet,
  name: string,
  [from = '', until = '']: readonly string[],
): Promise<number> {
  try {
    readMaintenance(name, { from, until })
  } catch (error) {
    console.error(`octavo fleet: ${(error as Error).message}`)
    return 2
  }
  const toCome = maintenanceOf(fleet, name).filter((each) => Date.parse(each.until) > Date.now())
  return await change(fleet, name, { maintenance: [...toCome, { from, until }] })
}

/** Ends a drain, and maintenance that has begun: whoever is done early says so. */
async function serve(fleet: Fleet, name: string): Promise<number> {
  const before = maintenanceOf(fleet, name)
  const maintenance = before.filter((each) => Date.parse(each.from) > Date.now())
  return await change(fleet, name, { intent: 'serve', ...(before.length > 0 && { maintenance }) })
}

const maintenanceOf = ({ object }: Fleet, name: string) =>
  object.spec.clusters.find((each) => each.name === name)?.maintenance ?? []

/** @param again whether one that was rolled back is tried once more: for the reason that is known, and for no later one */
async function rollOut(fleet: Fleet, version: string, again: boolean): Promise<number> {
  if (!again) return await want(fleet, { version })
  const { spec, status } = fleet.object
  const { bad = {}, badAt = {} } = status?.memory ?? {}
  if (bad[version] === undefined) {
    console.error(`octavo fleet: ${version} was not rolled back`)
    return 1
  }
  return await want(fleet, { version, rollout: { ...spec.rollout, again: badAt[version] ?? 0 } })
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
  const person = given ?? (await ownName(fleet))
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
  const fault = manifests === undefined ? 'what is on its input is no JSON' : faultOfManifests(manifests)
  if (manifests === undefined || fault !== undefined) {
    console.error(`octavo fleet: ${fault}; it takes manifests as JSON`)
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

/** As kubectl writes them: one object, a List of them, or one after the other. @returns undefined when it is no JSON */
export function manifestsIn(json: string): unknown[] | undefined {
  const documents = json.split(/(?<=^\}\s*)(?=^\{)/m).filter((part) => part.trim() !== '')
  try {
    return documents.flatMap((part) => {
      const read = JSON.parse(part) as { kind?: string; items?: unknown[] } | null
      return read?.kind === 'List' ? (read.items ?? []) : [read]
    })
  } catch {
    // It is told as what it is.
    return undefined
  }
}

/** What is made known does not change, so that what no cluster could apply is not taken. */
export function faultOfManifests(manifests: readonly unknown[]): string | undefined {
  if (manifests.length === 0) return 'there are no manifests on its input'
  const known = new Set<string>()
  for (const each of manifests) {
    const { apiVersion, kind, metadata } = (each ?? {}) as Partial<Manifest>
    if (!apiVersion || !kind || !metadata?.name)
      return `${JSON.stringify(each)?.slice(0, 80)} has no apiVersion, kind or name`
    const name = `${kind} ${metadata.namespace ?? ''}/${metadata.name}`
    if (known.has(`${apiVersion} ${name}`)) return `${name} is there twice`
    known.add(`${apiVersion} ${name}`)
  }
  return undefined
}

async function ownSchemas(): Promise<Record<string, { version: number; oldest: number }>> {
  const schemas: Record<string, { version: number; oldest: number }> = {}
  for (const { name, tables } of roles)
    if (tables !== undefined) schemas[name] = made(await tables.migrations('postgres://'))
  return schemas
}
