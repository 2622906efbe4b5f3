import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, test } from 'node:test'
import { askOnce } from '#ports/postgres'
import { fileScope } from '../support/file-scope.ts'
import { storeNamespace, untilLong } from './install-store.ts'
import { startMetricsApi } from './metrics-api.ts'
import {
  beginStory,
  type Deployment,
  deploymentsPath,
  openStoreOnNodes,
  type StoreOnNodes,
} from './store-on-nodes.ts'

/** What operators change while the store sells, and what goes wrong when they do. */
const scope = fileScope()
let on: StoreOnNodes

before(async () => {
  on = await openStoreOnNodes(scope)
})

test('load makes more of a role, secrets are changed, a broken version stands still, a node is lost in an update: no order is lost', async (t) => {
  const story = await beginStory(t, on)
  await story.gentlePart('load makes more of a role', scaledByLoad)
  await story.gentlePart('an image that is not there', brokenImage)
  const [old, next] = [on.store.secrets.secret, randomBytes(24).toString('base64url')]
  await story.gentlePart('a new user of the databases, and a new secret that all know', async () => {
    for (const name of ['book-db', 'order-db'] as const) await newUser(name)
    await changeSecret(`${old}\n${next}`, 'known')
  })
  // Pods of before that still finish what they have are the last to leave.
  await untilLong(async () => (await usersAtWork()).every(({ usename }) => usename === 'octavo_next'), told)
  await story.gentlePart('the new secret signs', () => changeSecret(`${next}\n${old}`, 'signs'))
  await story.gentlePart('the old secret is gone', () => changeSecret(next, 'alone'))
  await story.part('a node is lost in the middle of an update', async () => {
    await on.store.upgrade(['image.tag=1.1.0', 'secrets.revision=alone'])
    await story.missed()
    await on.nodes[1]?.lose()
  })
  await story.end()
})

/** The cluster's own autoscaler, by what the pods say that they use: as many as its bound while there is this load. */
async function scaledByLoad(): Promise<void> {
  await using _ = await startMetricsApi(on.cluster.controlPlane, storeNamespace, on.store.secrets.secret)
  const scaling = 'roles.catalog.autoscaling'
  await on.store.upgrade([
    `${scaling}.enabled=true`,
    `${scaling}.min=2`,
    `${scaling}.max=3`,
    `${scaling}.cpuPercent=20`,
  ])
  const path = `${deploymentsPath}/octavo-catalog`
  const replicas = async () => (await on.cluster.controlPlane.api.get<Deployment>(path))?.spec.replicas
  assert.equal(await replicas(), 2, 'there are as many as before when the autoscaler takes over')
  const about = async () =>
    (await on.cluster.kubectl(['describe', 'hpa', `--namespace=${storeNamespace}`])).out
  await untilLong(async () => (await replicas()) === 3, about)
  assert.match(await about(), /SuccessfulRescale/)
  // Back to a number of our own, for what comes after.
  await on.store.upgrade([])
}

/** Nobody gets a pod of it ready, so the ones of before go on; and the release is taken back. */
async function brokenImage(): Promise<void> {
  await on.store.upgrade(['image.tag=9.9.9'])
  const stuck = async () =>
    (
      await on.cluster.kubectl([
        'get',
        'pods',
        `--namespace=${storeNamespace}`,
        '--output=jsonpath={.items[*].status.message}',
      ])
    ).out
  await untilLong(async () => /has no image "octavo:9.9.9"/.test(await stuck()), stuck)
  const path = `${deploymentsPath}/octavo-catalog`
  assert.equal((await on.cluster.controlPlane.api.get<Deployment>(path))?.status.readyReplicas, 2)
  const { out } = await on.cluster.helm([
    'history',
    'octavo',
    `--namespace=${storeNamespace}`,
    '--output=json',
  ])
  const revisions = (JSON.parse(out) as { revision: number }[]).map(({ revision }) => revision)
  await on.store.rollback((revisions.at(-1) ?? 0) - 1)
}

/** One more user with the rights of the one of before, whom the Secret names from now on. */
async function newUser(secretName: 'book-db' | 'order-db'): Promise<void> {
  const { secrets } = on.store
  const url = new URL(secretName === 'book-db' ? secrets.bookDb : secrets.orderDb)
  const password = randomBytes(12).toString('hex')
  await askOnce(url.href, `CREATE ROLE octavo_next LOGIN SUPERUSER PASSWORD '${password}'`, 30_000)
  url.username = 'octavo_next'
  url.password = password
  await patchSecret(secretName, { uri: url.href })
}

/** The next step of a change of the secret, for which all pods start again. */
async function changeSecret(secret: string, revision: string): Promise<void> {
  await patchSecret('octavo-keys', { secret })
  await on.store.upgrade([`secrets.revision=${revision}`])
}

async function patchSecret(name: string, stringData: object): Promise<void> {
  const path = `/api/v1/namespaces/${storeNamespace}/secrets/${name}`
  await on.cluster.controlPlane.api.send('PATCH', path, { stringData })
}

/** Whose connections the roles have. */
async function usersAtWork(): Promise<{ application_name: string; usename: string }[]> {
  const { bookDb, orderDb } = on.store.secrets
  const sql = `SELECT DISTINCT application_name, usename, datname FROM pg_stat_activity
    WHERE application_name IN ('catalog', 'orders', 'gateway')`
  const each = await Promise.all(
    [bookDb, orderDb].map((url) => askOnce<{ application_name: string; usename: string }>(url, sql, 30_000)),
  )
  return each.flat()
}

/** Whose they are, and what pods there are, for who waits for the last of the old user's to end. */
async function told(): Promise<string> {
  const pods = await on.cluster.kubectl(['get', 'pods', `--namespace=${storeNamespace}`])
  return `${JSON.stringify(await usersAtWork())}\n${pods.out}`
}
