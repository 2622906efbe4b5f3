import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { type Database, openDatabase } from '#ports/database'
import { fenceTable } from '#ports/lease'
import { testDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { type BackgroundProcess, startProcess } from './background-process.ts'
import { untilLong } from './install-store.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** What one process does at a time, with real Leases and the database's own record of who did it. */
const ends: (() => unknown)[] = []
let cluster: TestCluster
let tokenPath = ''

before(async () => {
  cluster = await openCluster({ after: (work) => void ends.push(work) })
  tokenPath = await accountToken()
})
after(async () => {
  for (const end of ends.toReversed()) await end()
})

test('one process works at a time, and another goes on as soon as it gives its lease back', async (t) => {
  const { database, start, holder } = await open(t, 'given-back')
  const first = start('first')
  await untilHeld(holder, 'first')
  start('second')
  await until(async () => (await count(database, 'first')) > 20)
  assert.equal(await count(database, 'second'), 0)
  await first.stop()
  await until(async () => (await count(database, 'second')) > 0)
  assert.deepEqual(await outOfTurn(database), [])
})

test('a process that is frozen past its lease and woken is never at work beside the next one', async (t) => {
  const { database, start, holder } = await open(t, 'frozen')
  const workers: Record<string, BackgroundProcess> = { first: start('first') }
  await untilHeld(holder, 'first')
  workers.second = start('second')
  for (let round = 0; round < 4; round++) {
    const frozen = await holder()
    workers[frozen]?.signal('SIGSTOP')
    await until(async () => (await holder()) !== frozen)
    const before = await count(database, await holder())
    workers[frozen]?.signal('SIGCONT')
    const next = await holder()
    await until(async () => (await count(database, next)) > before + 20)
  }
  assert.deepEqual(await outOfTurn(database), [])
})

test('without the check in the database the same freeze is noticed: two were at work', async (t) => {
  const { database, start, holder } = await open(t, 'unfenced')
  const first = start('first', 'unfenced')
  await untilHeld(holder, 'first')
  start('second', 'unfenced')
  first.signal('SIGSTOP')
  await until(async () => (await count(database, 'second')) > 10)
  first.signal('SIGCONT')
  await until(async () => (await outOfTurn(database)).length > 0)
})

test('a lease that is deleted is taken again, and turns go on counting', async (t) => {
  const { database, start, holder, release } = await open(t, 'deleted')
  const worker = start('first')
  await untilHeld(holder, 'first')
  await worker.stop()
  await cluster.controlPlane.api.send('DELETE', `${leasesPath}/${release}-sweeper`)
  start('second')
  await untilHeld(holder, 'second')
  const [{ number } = { number: 0 }] = await database.query<{ number: number }>('SELECT number FROM fences')
  assert.equal(Number(number), 2)
})

/** A process has to start first, which takes its time on a busy machine. */
const untilHeld = (holder: () => Promise<string>, name: string) =>
  untilLong(
    async () => (await holder()) === name,
    async () => `${name} never held it, but ${await holder()}`,
  )

const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/default/leases'

async function open(t: TestContext, release: string) {
  const { url } = await testDatabase(t, 'leases')
  const database = await openDatabase(url, { applicationName: 'test', connectionsMax: 2 })
  t.after(() => database[Symbol.asyncDispose]())
  await database.execute(fenceTable)
  await database.execute(
    'CREATE TABLE work (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, holder text NOT NULL, fence bigint NOT NULL)',
  )
  const { port, caPath } = cluster.controlPlane
  const files = new URLSearchParams({ token: tokenPath, ca: caPath })
  const leases = `kubernetes://127.0.0.1:${port}/default/${release}?${files}`
  const start = (name: string, ...how: string[]) => {
    const worker = startProcess({
      command: process.execPath,
      args: [join(import.meta.dirname, 'lease-worker.ts'), leases, url, name, ...how],
      logPath: join(cluster.folder, `${release}-${name}.log`),
    })
    t.after(async () => {
      await worker.stop()
      if (worker.said() !== '') t.diagnostic(`${name} said: ${worker.said()}`)
    })
    return worker
  }
  const holder = async () =>
    (await database.query<{ holder: string }>('SELECT holder FROM fences'))[0]?.holder ?? ''
  return { database, start, holder, release }
}

async function count(database: Database, holder: string): Promise<number> {
  const [row] = await database.query<{ n: number }>('SELECT count(*) AS n FROM work WHERE holder = $1', [
    holder,
  ])
  return Number(row?.n)
}

/** Work of a turn that was written after work of a later turn. */
async function outOfTurn(database: Database): Promise<object[]> {
  return database.query<object>(
    `SELECT id, holder, fence FROM
       (SELECT id, holder, fence, max(fence) OVER (ORDER BY id) AS latest FROM work) AS each
     WHERE fence < latest LIMIT 5`,
  )
}

async function accountToken(): Promise<string> {
  const { api } = cluster.controlPlane
  const at = (group: string, kind: string) => `/${group}/namespaces/default/${kind}`
  const rbac = 'apis/rbac.authorization.k8s.io/v1'
  await api.send('POST', at('api/v1', 'serviceaccounts'), { metadata: { name: 'sweeper' } })
  await api.send('POST', at(rbac, 'roles'), {
    metadata: { name: 'leases' },
    rules: [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
    ],
  })
  await api.send('POST', at(rbac, 'rolebindings'), {
    metadata: { name: 'leases' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'leases' },
    subjects: [{ kind: 'ServiceAccount', name: 'sweeper', namespace: 'default' }],
  })
  const { status } = await api.send<{ status: { token: string } }>(
    'POST',
    at('api/v1', 'serviceaccounts/sweeper/token'),
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } },
  )
  const path = join(cluster.folder, 'sweeper.token')
  writeFileSync(path, status.token)
  return path
}
