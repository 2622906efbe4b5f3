import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { readConfig } from '#config'
import { systemClock } from '#ports/clock'
import type { KubernetesApi } from '#ports/kubernetes'
import type { VersionRecord } from '../../../src/services/fleet/decisions/model.ts'
import type { BookstoreFleet, FleetMember } from '../../../src/services/fleet/hub/fleet-object.ts'
import { fleetApi, versionLabel } from '../../../src/services/fleet/hub/objects.ts'
import { versionMapName } from '../../../src/services/fleet/hub/seen.ts'
import { createFleet } from '../../../src/services/fleet/service.ts'
import type { TestScope } from '../../support/database.ts'
import { edgeSecret, startEdge, type TestEdge } from '../../support/edge.ts'
import type { ControlPlane } from '../control-plane.ts'
import type { TestCluster } from '../open-cluster.ts'
import { ocmFolder, startRealHub } from './real-ocm.ts'
import { make } from './registration.ts'
import { prepareHub, startHub } from './start-hub.ts'

const fleetNamespace = 'octavo-fleet'
const name = 'store'
const path = `${fleetApi}/namespaces/${fleetNamespace}/bookstorefleets`

export type TestFleet = {
  hub: ControlPlane
  edge: TestEdge
  read(): Promise<BookstoreFleet>
  /** Changes what is wanted. */
  want(spec: Partial<BookstoreFleet['spec']>): Promise<void>
  /** Changes one member. */
  member(cluster: string, to: Partial<FleetMember>): Promise<void>
  addVersion(version: string, schemas: VersionRecord['schemas'], manifests: object[]): Promise<void>
  startController(): Promise<AsyncDisposable>
  /** Runs `octavo fleet …` as an operator. */
  octavo(args: readonly string[], input?: string): Promise<Ran>
}
type Ran = { code: number | null; said: string }

/** A hub, a fleet on it that an edge follows, and its controller with no more rights than it is given. */
export async function openFleet(
  scope: TestScope,
  cluster: TestCluster,
  spec: BookstoreFleet['spec'],
  metricsToken?: string,
): Promise<TestFleet> {
  const { controlPlane: hub, folder } = cluster
  const { api } = hub
  const running = await startAnyHub(cluster)
  scope.after(() => running[Symbol.asyncDispose]())
  for (const document of parseAllDocuments(
    readFileSync(new URL('../../../deploy/fleet/access.yaml', import.meta.url), 'utf8'),
  ))
    await makeAny(api, document.toJS() as Any)
  const urlOf = async (account: string) => {
    const token = await tokenOf(api, account)
    const at = join(folder, `${account}.token`)
    writeFileSync(at, token)
    const files = new URLSearchParams({ token: at, ca: hub.caPath })
    return `kubernetes://127.0.0.1:${hub.port}/${fleetNamespace}/${name}?${files}`
  }
  const edgeData = join(folder, 'edge')
  mkdirSync(edgeData)
  const edge = await startEdge(scope, await urlOf('edge'), {}, { OCTAVO_DATA: edgeData })
  await make(api, path, {
    ...{ apiVersion: 'fleet.octavo.example/v1', kind: 'BookstoreFleet', metadata: { name } },
    spec: { ...spec, edges: [edge.inner] },
  })
  const fleetUrl = await urlOf('controller')
  const operatorUrl = await urlOf('operator')
  const read = async () => (await api.get<BookstoreFleet>(`${path}/${name}`)) as BookstoreFleet
  const want = async (to: object) => void (await api.send('PATCH', `${path}/${name}`, { spec: to }))
  return {
    ...{ hub, edge, read, want },
    octavo: (args, input = '') => runOctavo(['fleet', ...args], operatorUrl, input),
    async member(member, to) {
      const { spec: now } = await read()
      await want({ clusters: now.clusters.map((each) => (each.name === member ? { ...each, ...to } : each)) })
    },
    addVersion: (version, schemas, manifests) =>
      make(api, `/api/v1/namespaces/${fleetNamespace}/configmaps`, {
        metadata: { name: versionMapName(version), labels: { [versionLabel]: 'known' } },
        data: { version, schemas: JSON.stringify(schemas), manifests: JSON.stringify(manifests) },
      }),
    async startController() {
      const config = readConfig({ OCTAVO_FLEET: fleetUrl })
      const durations = { leaseMs: 4_000, renewMs: 3_000, retryMs: 500 }
      const secrets = { secret: edgeSecret, metricsToken }
      const controller = await createFleet(config, secrets, { clock: systemClock, durations })
      await controller.start()
      return controller
    },
  }
}

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts')

function runOctavo(args: readonly string[], url: string, input: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH, OCTAVO_FLEET: url }
    const child = spawn(process.execPath, [main, ...args], { stdio: 'pipe', env })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, said }))
    child.stdin.end(input)
  })
}

/** OCM itself where its programs are given, else the stand-in. */
async function startAnyHub({ controlPlane, tools, folder }: TestCluster): Promise<AsyncDisposable> {
  if (ocmFolder === undefined) return startHub(controlPlane)
  await prepareHub(controlPlane.api)
  return startRealHub(ocmFolder, controlPlane, tools, folder)
}

type Any = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } }

async function makeAny(api: KubernetesApi, object: Any): Promise<void> {
  const plural = `${object.kind.toLowerCase()}s`
  const { namespace } = object.metadata
  const group = object.apiVersion === 'v1' ? '/api/v1' : `/apis/${object.apiVersion}`
  await make(api, `${group}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`, object)
}

async function tokenOf(api: KubernetesApi, account: string): Promise<string> {
  const { status } = await api.send<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${fleetNamespace}/serviceaccounts/${account}/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } },
  )
  return status.token
}
