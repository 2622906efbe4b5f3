import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { type KubernetesApi, openApiServer } from '#ports/kubernetes'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** Who may let a cluster in, as a real API server sees to it. */
const deploy = (file: string) => new URL(`../../deploy/fleet/${file}`, import.meta.url)
const scope = fileScope()
const path = '/apis/fleet.octavo.example/v1/namespaces/octavo-fleet/bookstorefleets'
const people = ['ada', 'ben']
const nameOf = (person: string) => `system:serviceaccount:octavo-fleet:${person}`
const [ada, ben] = [nameOf('ada'), nameOf('ben')]
const as = new Map<string, KubernetesApi>()
let cluster: TestCluster
let admin: KubernetesApi

before(async () => {
  cluster = await openCluster(scope)
  admin = cluster.controlPlane.api
  for (const file of ['bookstorefleets.yaml', 'access.yaml', 'approvals.yaml'])
    await until(async () => (await apply(file)).code === 0, `${file} is taken`)
  const subjects = people.map((name) => ({ kind: 'ServiceAccount', name, namespace: 'octavo-fleet' }))
  await admin.send('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/octavo-fleet/rolebindings', {
    metadata: { name: 'people' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'operator' },
    subjects,
  })
  for (const name of people) as.set(name, await accountOf(name))
  await until(async () => !(await mayMake(fleetOf({ approvedBy: [ada, ben] }))), 'it is watched over')
  await admin.send('POST', path, fleetOf({}))
})

test('everybody approves in their own name, by the command, and nobody in that of another', async () => {
  assert.deepEqual(await octavo('ada', 'approve', 'north', '--by', ben), [1, []])
  assert.deepEqual(await octavo('ada', 'approve', 'north'), [0, [ada]])
  assert.deepEqual(await octavo('ada', 'approve', 'north', '--by', 'carl'), [1, [ada]])
  assert.deepEqual(await octavo('ben', 'approve', 'north'), [0, [ada, ben]])
  assert.deepEqual(await octavo('ben', 'drain', 'north'), [0, [ada, ben]], 'all else goes on as it was')
})

test('another address, another key and less than production are not what two people approved', async () => {
  for (const to of [
    { url: 'https://other.example.org' },
    { keySha256: 'f'.repeat(64) },
    { production: false },
  ])
    await assert.rejects(changed('ada', to), /octavo-fleet-approvals/, JSON.stringify(to))
  await changed('ada', { url: 'https://other.example.org', approvedBy: [ada] })
  await until(async () => (await read()).approvedBy?.join() === ada)
  await admin.send('PATCH', `${path}/store`, fleetOf({ production: false, approvedBy: [] }))
})

type Member = { approvedBy?: string[]; url?: string }

const fleetOf = (member: object) => ({
  ...{ apiVersion: 'fleet.octavo.example/v1', kind: 'BookstoreFleet', metadata: { name: 'store' } },
  spec: { version: '1', clusters: [{ name: 'north', url: 'https://north.example.org', ...member }] },
})

async function read(): Promise<Member> {
  const { spec } = (await admin.get<{ spec: { clusters: Member[] } }>(`${path}/store`)) ?? {
    spec: { clusters: [] },
  }
  return spec.clusters[0] ?? {}
}

async function changed(person: string, to: object): Promise<void> {
  const clusters = [{ ...(await read()), ...to }]
  await as.get(person)?.send('PATCH', `${path}/store`, { spec: { clusters } })
}

const mayMake = (fleet: object) =>
  admin.send('POST', `${path}?dryRun=All`, fleet).then(
    () => true,
    () => false,
  )

const apply = (file: string) =>
  cluster.kubectl(['apply', '--server-side', '--filename=-'], readFileSync(deploy(file), 'utf8'))

const tokenPathOf = (person: string) => join(cluster.folder, `${person}.token`)

/** Somebody with an account and a token of his own. */
async function accountOf(name: string): Promise<KubernetesApi> {
  const accounts = '/api/v1/namespaces/octavo-fleet/serviceaccounts'
  await admin.send('POST', accounts, { metadata: { name } })
  const { status } = await admin.send<{ status: { token: string } }>('POST', `${accounts}/${name}/token`, {
    ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } },
  })
  writeFileSync(tokenPathOf(name), status.token)
  const { url, caPath } = cluster.controlPlane
  const api = await openApiServer({ url, caPath, tokenPath: tokenPathOf(name) })
  scope.after(() => api[Symbol.asyncDispose]())
  return api
}

/** Runs `octavo fleet …` as somebody. @returns its exit code, and who has approved afterwards */
async function octavo(person: string, ...args: string[]): Promise<[number | null, string[]]> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const { port, caPath } = cluster.controlPlane
  const token = tokenPathOf(person)
  const url = `kubernetes://127.0.0.1:${port}/octavo-fleet/store?${new URLSearchParams({ token, ca: caPath })}`
  const env = { PATH: process.env.PATH, OCTAVO_FLEET: url }
  const child = spawn(process.execPath, [main, 'fleet', ...args], { stdio: 'ignore', env })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return [code, (await read()).approvedBy ?? []]
}
