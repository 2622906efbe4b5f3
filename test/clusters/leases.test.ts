import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { openDatabase } from '#ports/database'
import { openTurns } from '#ports/lease'
import { testDatabase } from '../support/database.ts'
import { fileScope } from '../support/file-scope.ts'
import { testTurns } from '../support/turn-suite.ts'
import { makeTurnTables } from '../support/turn-tables.ts'
import { until } from '../support/until.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** What one process does at a time, with real Leases and the database's own record of who did it. */
const scope = fileScope()
let cluster: TestCluster
let tokenPath = ''

before(async () => {
  cluster = await openCluster(scope)
  tokenPath = await accountToken()
})
testTurns('kubernetes', async (t, release) => ({
  discoveryUrl: discoveryUrl(release),
  databaseUrl: (await testDatabase(t, 'leases')).url,
}))

test('a lease that is deleted is taken again, and turns go on counting', async (t) => {
  const { url } = await testDatabase(t, 'leases')
  await using database = await openDatabase(url, { applicationName: 'test', connectionsMax: 2 })
  const schema = await makeTurnTables(database)
  const numbers: number[] = []
  const lead = async (holder: string) => {
    const durations = { leaseMs: 2_000, renewMs: 1_400, retryMs: 300 }
    const place = { discoveryUrl: discoveryUrl('deleted'), database, schema, holder, durations }
    await using turns = await openTurns(place)
    const before = numbers.length
    turns.take('sweeper', async (fence, lost) => {
      numbers.push(fence.number)
      await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }))
    })
    await until(() => numbers.length > before)
  }
  await lead('first')
  await cluster.controlPlane.api.send('DELETE', `${leasesPath}/deleted-sweeper`)
  await lead('second')
  assert.deepEqual(numbers, [1, 2])
})

const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/default/leases'

function discoveryUrl(release: string): string {
  const { port, caPath } = cluster.controlPlane
  return `kubernetes://127.0.0.1:${port}/default/${release}?${new URLSearchParams({ token: tokenPath, ca: caPath })}`
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
