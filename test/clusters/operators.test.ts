import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { Metadata } from '#ports/kubernetes'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { type BackgroundProcess, startProcess } from './background-process.ts'
import type { Manifest } from './chart/policy.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** CloudNativePG's own operator and webhooks, and what the chart asks of them. */
const chart = join(import.meta.dirname, '..', '..', 'deploy', 'chart')
const webhookPort = 9443
/** A busy machine takes its time. */
const limitMs = 120_000
const scope = fileScope()
let cluster: TestCluster
let operator: BackgroundProcess

/** What no cluster of CloudNativePG may be told. */
const forbidden = 'cloudnativePg.parameters.restore_command=none'
/** Switches it on. */
const on = '--set=cloudnativePg.enabled=true,secrets.objectStore.name=objects'

before(async () => {
  cluster = await openCluster(scope, {}, { extra: ['cloudnative-pg'] })
  const home = dirname(cluster.tools['cloudnative-pg'])
  const definitions = join(home, 'config', 'crd', 'bases')
  for (const file of readdirSync(definitions)) await apply(readFileSync(join(definitions, file), 'utf8'))
  // It looks once for what it has to do with, and ends when one of those kinds is not served yet.
  const wait = ['wait', '--for=condition=Established', '--timeout=120s', 'customresourcedefinitions', '--all']
  const { code, err } = await cluster.kubectl(wait)
  assert.equal(code, 0, err)
  operator = await startOperator()
  scope.after(() => operator.stop())
  await apply(JSON.stringify(webhooksOf(readFileSync(join(home, 'config/webhook/manifests.yaml'), 'utf8'))))
  await cluster.kubectl(['create', 'namespace', 'shop'])
  // They answer once the operator has started; the server begins to ask each of them when it has heard of it.
  const asked = async () => (await dryRun([])).code === 0 && (await dryRun(['--set', forbidden])).code !== 0
  await until(asked, 'the webhooks answer', limitMs).catch(async (error: Error) => {
    throw new Error(`${(await dryRun([])).err}\n${operator.said()}`, { cause: error })
  })
})

test('its webhooks take the clusters and backups of the chart, strictly and without a warning', async () => {
  for (const flags of [[], ['--values', join(chart, 'values-production.yaml')]]) {
    const { code, out, err } = await dryRun(flags)
    assert.deepEqual([code, err], [0, ''])
    assert.match(out, /octavo-book-db serverside-applied/)
    assert.match(out, /octavo-order-db serverside-applied/)
  }
})

test('they refuse what would not hold', async () => {
  const refused = async (set: string, words: RegExp) => {
    const { code, err } = await dryRun(['--set', set])
    assert.notEqual(code, 0, set)
    assert.match(err, words)
  }
  await refused(forbidden, /restore_command/)
  await refused('cloudnativePg.parameters.synchronous_standby_names=nobody', /synchronous_standby_names/)
  await refused('cloudnativePg.parameters.shared_buffers=much', /shared_buffers/)
})

test('the operator makes what the roles mount and call: Secrets with a URL, and Services', async () => {
  await apply(await databases([]))
  const at = (kind: string, name: string) => `/api/v1/namespaces/shop/${kind}/${name}`
  const { api } = cluster.controlPlane
  type Secret = { data: Record<string, string> }
  for (const database of ['book-db', 'order-db']) {
    const found = async () => (await api.get<Secret>(at('secrets', `octavo-${database}-app`)))?.data.uri
    await until(async () => (await found()) !== undefined, `a Secret for ${database}`, limitMs)
    const uri = Buffer.from((await found()) ?? '', 'base64').toString()
    assert.match(uri, new RegExp(`^postgresql://octavo:[^@]+@octavo-${database}-rw\\.shop:5432/`))
    await until(async () => (await api.get(at('services', `octavo-${database}-rw`))) !== undefined)
  }
  const { out } = await cluster.helm(['template', 'octavo', chart, '--namespace=shop', on])
  for (const name of ['octavo-book-db-app', 'octavo-order-db-app'])
    assert.match(out, new RegExp(`secret: \\{ name: ${name}, items: \\[\\{ key: uri`))
  type Job = { metadata: Metadata }
  const jobs = async () =>
    (await api.get<{ items: Job[] }>('/apis/batch/v1/namespaces/shop/jobs'))?.items ?? []
  await until(async () => (await jobs()).length === 2, 'both primaries are begun', limitMs)
})

/** The chart's resources of the operator. @param flags over those that switch it on */
async function databases(flags: readonly string[]): Promise<string> {
  const switched = ['--namespace=shop', on]
  const { code, out, err } = await cluster.helm(['template', 'octavo', chart, ...switched, ...flags])
  assert.equal(code, 0, err)
  const all = parseAllDocuments(out).map((document) => document.toJS() as Manifest | null)
  const own = all.filter((each) => each?.apiVersion === 'postgresql.cnpg.io/v1')
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: own })
}

async function dryRun(flags: readonly string[]) {
  const how = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--namespace=shop']
  return await cluster.kubectl([...how, '--filename=-'], await databases(flags))
}

async function apply(text: string): Promise<void> {
  const { code, err } = await cluster.kubectl(['apply', '--server-side', '--filename=-'], text)
  assert.equal(code, 0, err)
}

async function startOperator(): Promise<BackgroundProcess> {
  const folder = join(cluster.folder, 'operator')
  const certificates = join(folder, 'certificates')
  mkdirSync(join(folder, 'operator'), { recursive: true })
  mkdirSync(certificates)
  const program = cluster.tools['cloudnative-pg']
  // It looks in its working folder which machines it could run databases on.
  copyFileSync(program, join(folder, 'operator', 'manager_amd64'))
  const { certPath, keyPath } = cluster.controlPlane.authority.issue('cnpg', '/CN=cnpg', 'IP:127.0.0.1')
  copyFileSync(certPath, join(certificates, 'apiserver.crt'))
  copyFileSync(keyPath, join(certificates, 'apiserver.key'))
  return startProcess({
    command: program,
    args: ['controller', `--webhook-port=${webhookPort}`, '--metrics-bind-address=127.0.0.1:9187'],
    cwd: folder,
    env: { KUBECONFIG: cluster.controlPlane.kubeconfig, WEBHOOK_CERT_DIR: certificates, HOME: folder },
    logPath: join(folder, 'log'),
  })
}

type Webhooks = { webhooks: { clientConfig: { service?: { path: string } } }[] }

/** As the operator has them, called at this machine's own address instead of a Service's. */
function webhooksOf(text: string): object {
  const caBundle = Buffer.from(cluster.controlPlane.authority.cert).toString('base64')
  const items = parseAllDocuments(text).flatMap((document) => {
    const each = document.toJS() as (Webhooks & object) | null
    if (each === null) return []
    const webhooks = each.webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: {
        url: `https://127.0.0.1:${webhookPort}${webhook.clientConfig.service?.path}`,
        caBundle,
      },
    }))
    return [{ ...each, webhooks }]
  })
  return { apiVersion: 'v1', kind: 'List', items }
}
