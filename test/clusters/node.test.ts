import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { startNode, type TestNode } from './node/start-node.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'
import { type ServiceProxy, startServiceProxy } from './service-proxy.ts'

/** The node that runs pods as processes, by a small web server. */
const scope = fileScope()
let cluster: TestCluster
let proxy: ServiceProxy
const nodes: TestNode[] = []

before(async () => {
  cluster = await openCluster(scope, { nodeGraceSeconds: 8, evictionSeconds: 2 })
  for (const [index, name] of ['a', 'b'].entries()) nodes.push(await addNode(name, `10.244.${index + 1}`))
  proxy = await startServiceProxy(cluster.controlPlane)
  scope.after(() => proxy[Symbol.asyncDispose]())
  await apply(deployment(2))
  await apply({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
    spec: {
      clusterIP: '10.96.0.80',
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 8080 }],
    },
  })
})

test('a Deployment becomes processes that are ready, and its Service leads to them', async () => {
  await untilReady(2)
  const said = await seen()
  assert.equal(said.user, 65532)
  assert.equal(said.setting, 'from a ConfigMap')
  assert.equal(said.secret, 'from a Secret')
  assert.equal(said.rootIsWritable, false)
  assert.match(said.ip, /^10\.244\.[12]\.\d+$/)
  assert.equal(said.capabilities, '0000000000000000')
})

test('a container that dies is started again, and counts as not ready meanwhile', async () => {
  await untilReady(2)
  const [victim] = nodes.flatMap((node) => node.processes({ app: 'web' }))
  victim?.signal('SIGKILL')
  await until(async () => (await restarts()) === 1)
  await untilReady(2)
})

test('a pod that is deleted is told, finishes, and is replaced', async () => {
  await untilReady(2)
  const [pod] = nodes.flatMap((node) => node.pods())
  assert.ok(pod)
  const before = await podNames()
  await cluster.kubectl(['delete', 'pod', pod.pod.metadata.name, '--wait=true'])
  await untilReady(2)
  assert.equal((await podNames()).filter((name) => before.includes(name)).length, 1)
})

test('a node that is lost is noticed, and its pods come up on another', async () => {
  await untilReady(2)
  await nodes[0]?.lose()
  await until(async () => (await podsOn('b')).length >= 2)
  await untilReady(2)
})

async function addNode(name: string, addresses: string): Promise<TestNode> {
  const node = await startNode({
    ...{ controlPlane: cluster.controlPlane, name, addresses, folder: join(cluster.folder, name) },
    images: () => ({ folder: join(import.meta.dirname, '..', '..'), entrypoint: [nodePath, '-e', server] }),
  })
  scope.after(() => node[Symbol.asyncDispose]())
  return node
}

const nodePath = '/opt/octavo/node_modules/node/bin/node'
const server = `
  const fs = require('node:fs')
  const can = (work) => { try { work(); return true } catch { return false } }
  require('node:http').createServer((request, response) => response.end(JSON.stringify({
    user: process.getuid(), setting: process.env.SETTING, ip: process.env.POD_IP,
    secret: fs.readFileSync('/run/keys/secret', 'utf8'),
    rootIsWritable: can(() => fs.writeFileSync('/opt/file', '')) || can(() => fs.writeFileSync('/usr/file', '')),
    capabilities: /CapEff:\\s*(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1],
  }))).listen(8080, process.env.POD_IP)
  process.on('SIGTERM', () => process.exit(0))
`

function deployment(replicas: number) {
  const probe = { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 }
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
    spec: {
      ...{ replicas, selector: { matchLabels: { app: 'web' } } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          terminationGracePeriodSeconds: 5,
          securityContext: { runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 },
          containers: [
            {
              ...{ name: 'web', image: 'web:1', startupProbe: probe, readinessProbe: probe },
              ports: [{ name: 'http', containerPort: 8080 }],
              securityContext: { readOnlyRootFilesystem: true },
              env: [
                { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
                { name: 'SETTING', valueFrom: { configMapKeyRef: { name: 'web', key: 'setting' } } },
              ],
              volumeMounts: [{ name: 'keys', mountPath: '/run/keys', readOnly: true }],
            },
          ],
          volumes: [
            { name: 'keys', projected: { defaultMode: 288, sources: [{ secret: { name: 'web' } }] } },
          ],
        },
      },
    },
  }
}

async function apply(...objects: object[]): Promise<void> {
  const all = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { setting: 'from a ConfigMap' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'web' }, stringData: { secret: 'from a Secret' } },
    ...objects,
  ]
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: all })
  const { code, err } = await cluster.kubectl(['apply', '--filename=-'], list)
  assert.equal(code, 0, err)
}

const output = async (...args: string[]) => (await cluster.kubectl(args)).out.trim()
const podNames = async () =>
  (await output('get', 'pods', '--output=jsonpath={.items[*].metadata.name}')).split(' ')
const podsOn = async (node: string) =>
  (
    await output(
      'get',
      'pods',
      `--field-selector=spec.nodeName=${node},status.phase=Running`,
      '--output=name',
    )
  )
    .split('\n')
    .filter(Boolean)
const restarts = async () =>
  (await output('get', 'pods', '--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}'))
    .split(' ')
    .reduce((sum, count) => sum + Number(count), 0)

/** So many are ready by the Deployment's own count, and the Service answers. */
async function untilReady(count: number): Promise<void> {
  await until(async () => {
    const status = await output(
      'get',
      'deployment',
      'web',
      '--output=jsonpath={.status.readyReplicas}/{.status.replicas}',
    )
    return status === `${count}/${count}`
  })
  await until(() => proxy.isServed('default', 'web'))
}

async function seen() {
  const response = await fetch('http://10.96.0.80/', { signal: AbortSignal.timeout(5_000) })
  return (await response.json()) as Record<string, string | number | boolean> & { ip: string }
}
