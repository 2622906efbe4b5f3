import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PostgresServer } from '../../src/local/postgres-server.ts'
import type { TestScope } from '../support/database.ts'
import { until } from '../support/until.ts'
import { startDatabaseServers } from './database-servers.ts'
import type { Image } from './node/run-container.ts'
import type { TestCluster } from './open-cluster.ts'

export type ClusterStore = {
  /** Through the gateway's Service. */
  url: string
  staff: { email: string; password: string }
  /** For what looks into the databases from outside. */
  secrets: { bookDb: string; orderDb: string; payment: string; objectStore: string; secret: string }
  servers: { bookDb: PostgresServer; orderDb: PostgresServer }
  /** Upgrades the release. @param settings as `--set` takes them */
  upgrade(settings: readonly string[]): Promise<void>
  rollback(revision: number): Promise<void>
  /** All pods of all roles are of one version and ready, as the Deployments say. */
  rolledOut(): Promise<boolean>
  /** What there is and how it is, for a failure. */
  describe(): Promise<string>
}

export const storeNamespace = 'shop'
const user = 65532
const repository = join(import.meta.dirname, '..', '..')
const chart = join(repository, 'deploy', 'chart')
const node = '/opt/octavo/node_modules/node/bin/node'
/** Of some twelve processes at once, on a machine that may have other things to do. */
const rolloutLimitMs = 240_000

/**
 * What runs for the chart's images: this checkout for the tags that are its own, and for one in `versions` that folder's
 * src and package.json. There are no others.
 */
export function storeImages(
  own: readonly string[],
  versions: Readonly<Record<string, string>> = {},
): (name: string) => Image | undefined {
  return (name) => {
    const [image, tag = ''] = name.split(':')
    const folder = versions[tag]
    if (image !== 'octavo' && image !== 'octavo-warehouse') return undefined
    if (folder === undefined && !own.includes(tag)) return undefined
    const mounts = folder === undefined ? [] : ['src', 'package.json'].map((part) => overlay(folder, part))
    return { folder: repository, mounts, entrypoint: [node, 'src/main.ts'] }
  }
}

const overlay = (folder: string, part: string) => ({
  ...{ from: join(folder, part), to: `/opt/octavo/${part}`, readOnly: true },
})

/**
 * Installs the chart's release `octavo`, over two database servers beside the cluster and a volume of its own machine
 * for vouchers, and waits until every role is ready.
 */
export async function installStore(
  scope: TestScope,
  cluster: TestCluster,
  settings: readonly string[] = [],
): Promise<ClusterStore> {
  const { folder } = cluster
  const { servers, bookDb, orderDb } = await startDatabaseServers(scope, folder)
  const objects = join(folder, 'objects')
  mkdirSync(objects)
  chownSync(objects, user, user)
  const secret = randomBytes(24).toString('base64url')
  const staff = { email: 'staff@example.org', password: 'a quiet corner by the window' }
  await apply(cluster, objects, { bookDb, orderDb, secret, staffPassword: staff.password })

  const flags = (more: readonly string[]) => [
    ...['octavo', chart, `--namespace=${storeNamespace}`, `--values=${join(chart, 'values-laptop.yaml')}`],
    ...[
      'secrets.bookDb.name=book-db',
      'secrets.orderDb.name=order-db',
      `apiServer=127.0.0.1:${cluster.controlPlane.port}`,
      `staffEmail=${staff.email}`,
      'demo=false',
      'image.tag=1.0.0',
      ...settings,
      ...more,
    ].map((setting) => `--set=${setting}`),
  ]
  const done = async (args: readonly string[]) => {
    const { code, err } = await cluster.helm(args)
    assert.equal(code, 0, err)
  }
  await done(['install', ...flags([])])
  const rolledOut = () => isRolledOut(cluster)
  const describe = () => describeRollout(cluster)
  await untilLong(rolledOut, describe)
  const { out } = await cluster.kubectl([
    ...['get', 'service', 'octavo-gateway', `--namespace=${storeNamespace}`],
    '--output=jsonpath={.spec.clusterIP}',
  ])
  const secrets = { bookDb, orderDb, payment: `test+${orderDb}`, objectStore: `file://${objects}`, secret }
  return {
    ...{ url: `http://${out}`, staff, secrets, servers, rolledOut, describe },
    // Also where an autoscaler has set a number meanwhile.
    upgrade: (more) => done(['upgrade', '--force-conflicts', ...flags(more)]),
    rollback: (revision) =>
      done(['rollback', 'octavo', `${revision}`, `--namespace=${storeNamespace}`, '--force-conflicts']),
  }
}

type Given = { bookDb: string; orderDb: string; secret: string; staffPassword: string }

async function apply(cluster: TestCluster, objects: string, given: Given): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const keys = {
    secret: given.secret,
    'staff-password': given.staffPassword,
    'voucher-key.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
  const levels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const capacity = { storage: '1Gi' }
  const claim = { storageClassName: '', accessModes: ['ReadWriteMany'] }
  const items = [
    { kind: 'Namespace', metadata: { name: storeNamespace, labels: levels } },
    secretOf('octavo-keys', keys),
    secretOf('book-db', { uri: given.bookDb }),
    secretOf('order-db', { uri: given.orderDb }),
    {
      ...{ kind: 'PersistentVolume', metadata: { name: 'objects' } },
      spec: { ...claim, capacity, hostPath: { path: objects } },
    },
    {
      ...{ kind: 'PersistentVolumeClaim', metadata: { name: 'octavo-objects', namespace: storeNamespace } },
      spec: { ...claim, volumeName: 'objects', resources: { requests: capacity } },
    },
  ].map((each) => ({ apiVersion: 'v1', ...each }))
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const { code, err } = await cluster.kubectl(['apply', '--server-side', '--filename=-'], list)
  assert.equal(code, 0, err)
}

const secretOf = (name: string, stringData: object) => ({
  ...{ kind: 'Secret', metadata: { name, namespace: storeNamespace }, stringData },
})

type Deployment = {
  metadata: { name: string; generation: number }
  spec: { replicas: number }
  status: { observedGeneration?: number; updatedReplicas?: number; readyReplicas?: number; replicas?: number }
}

/** As `kubectl rollout status` has it, and the replicas of before are gone. */
async function isRolledOut({ controlPlane }: TestCluster): Promise<boolean> {
  const path = `/apis/apps/v1/namespaces/${storeNamespace}/deployments`
  const { items } = (await controlPlane.api.get<{ items: Deployment[] }>(path)) ?? { items: [] }
  return (
    items.length > 0 &&
    items.every(({ metadata, spec, status }) => {
      const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = status
      const counts = [updatedReplicas, readyReplicas, replicas]
      return observedGeneration >= metadata.generation && counts.every((count) => count === spec.replicas)
    })
  )
}

async function describeRollout(cluster: TestCluster): Promise<string> {
  const { out } = await cluster.kubectl(['get', 'deployments,jobs,pods', '--output=wide', '--all-namespaces'])
  const messages = await cluster.kubectl([
    ...['get', 'pods', `--namespace=${storeNamespace}`],
    '--output=jsonpath={range .items[*]}{.metadata.name}: {.status.message}{"\\n"}{end}',
  ])
  return `${out}\n${messages.out}`
}

/** Like `until`, for what takes as long as a rollout. */
export async function untilLong(
  condition: () => Promise<boolean>,
  describe: () => Promise<string>,
): Promise<void> {
  const deadline = performance.now() + rolloutLimitMs
  while (performance.now() < deadline)
    if (
      await until(condition).then(
        () => true,
        () => false,
      )
    )
      return
  assert.fail(`not within ${rolloutLimitMs} ms:\n${await describe()}`)
}
