import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { systemClock } from '#ports/clock'
import { type Discovery, type Instance, openDiscovery } from '#ports/discovery'
import { follow, type KubernetesApi, type Metadata } from '#ports/kubernetes'
import type { Endpoint } from '../../src/ports/discovery/kubernetes.ts'
import { testDiscovery } from '../support/discovery-suite.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** Discovery by EndpointSlices, against a real API server. */
const scope = fileScope()
let cluster: TestCluster
let api: KubernetesApi
let namespaces = 0

before(async () => {
  cluster = await openCluster(scope)
  api = cluster.controlPlane.api
})
testDiscovery('kubernetes', async (t) => {
  const { discovery, namespace } = await openIn(t)
  return {
    discovery,
    async announce(instance) {
      const place = await addSlice(namespace, instance)
      return { [Symbol.asyncDispose]: async () => void (await api.send('DELETE', place)) }
    },
  }
})

test('only ready endpoints are used while there are any, and those that end but serve when there are none', async (t) => {
  const { discovery, namespace } = await openIn(t)
  const conditions = (ready: boolean, serving: boolean, terminating: boolean) => ({
    ready,
    serving,
    terminating,
  })
  const place = await addSlice(namespace, instance('1'), [
    endpoint('1', conditions(true, true, false)),
    endpoint('2', conditions(false, true, true)),
    endpoint('3', conditions(false, false, false)),
  ])
  const ids = () => discovery.instances('catalog').map(({ id }) => id)
  await until(() => ids().join() === '1')
  await api.send('PATCH', place, {
    endpoints: [endpoint('1', conditions(false, false, true)), endpoint('2', conditions(false, true, true))],
  })
  await until(() => ids().join() === '2')
  await api.send('PATCH', place, { endpoints: [endpoint('2', conditions(false, false, true))] })
  await until(() => ids().length === 0)
})

test('an endpoint that goes is not used after a second, over and over', async (t) => {
  const { discovery, namespace } = await openIn(t)
  let slowestMs = 0
  for (let round = 0; round < 20; round++) {
    const place = await addSlice(namespace, instance('1'))
    await until(() => discovery.instances('catalog').length === 1)
    const at = performance.now()
    await api.send('DELETE', place)
    await until(() => discovery.instances('catalog').length === 0)
    slowestMs = Math.max(slowestMs, performance.now() - at)
  }
  t.diagnostic(`gone after ${slowestMs.toFixed(0)} ms at the latest`)
  assert.ok(slowestMs < 1_000, `${slowestMs} ms`)
})

test('what is known stays while the API server is away, and what changed meanwhile is learned after', async (t) => {
  const { discovery, namespace } = await openIn(t)
  await addSlice(namespace, instance('1'))
  await until(() => discovery.instances('catalog').length === 1)
  const { parts } = cluster.controlPlane
  let vanished = false
  discovery.onChange(() => {
    vanished ||= discovery.instances('catalog').length === 0
  })
  parts.api.signal('SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  assert.deepEqual(discovery.instances('catalog').length, 1)
  parts.api.signal('SIGCONT')
  await addSlice(namespace, instance('2'))
  await until(() => discovery.instances('catalog').length === 2)
  assert.equal(vanished, false)
})

test('a version that the server has forgotten makes a new list', async (t) => {
  const path = await defineThings()
  let [lists, watches] = [0, 0]
  const known = new Set<string>()
  const stop = new AbortController()
  const forgetful: KubernetesApi = {
    ...api,
    // The first watch asks for a version from before there was such a resource.
    watch: (from, version, signal) => api.watch(from, watches++ === 0 ? '1' : version, signal),
  }
  const following = follow<{ metadata: Metadata }>(
    forgetful,
    path,
    {
      replace: () => void lists++,
      changed: ({ metadata }) => void known.add(metadata.name),
      gone: ({ metadata }) => void known.delete(metadata.name),
    },
    systemClock,
    stop.signal,
  )
  t.after(async () => {
    stop.abort()
    await following
  })
  await until(() => lists === 2)
  await api.send('POST', path, {
    ...{ apiVersion: 'test.octavo.dev/v1', kind: 'Thing', metadata: { name: 'one' } },
  })
  await until(() => known.size === 1)
})

test('a stranger, and one who may not list, learn nothing and do no harm', async (t) => {
  const namespace = await newNamespace()
  await addSlice(namespace, instance('1'))
  const discovery = await openWith(t, namespace, 'not a token')
  await discovery.ready(1_000)
  assert.deepEqual(discovery.instances('catalog'), [])
})

const instance = (id: string): Instance => ({
  service: 'catalog',
  id,
  url: `http://10.244.0.${id}:4001`,
  version: '1',
})

function endpoint(id: string, conditions: Endpoint['conditions']): Endpoint {
  return { addresses: [`10.244.0.${id}`], conditions, targetRef: { kind: 'Pod', name: id } }
}

async function newNamespace(): Promise<string> {
  const name = `discovery-${++namespaces}`
  await api.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return name
}

async function openIn(t: TestContext): Promise<{ discovery: Discovery; namespace: string }> {
  const namespace = await newNamespace()
  const at = (group: string, kind: string) => `/${group}/namespaces/${namespace}/${kind}`
  const rbac = 'apis/rbac.authorization.k8s.io/v1'
  const reader = { kind: 'ServiceAccount', name: 'reader', namespace }
  await api.send('POST', at('api/v1', 'serviceaccounts'), { metadata: { name: 'reader' } })
  await api.send('POST', at(rbac, 'roles'), {
    metadata: { name: 'discovery' },
    rules: [
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
    ],
  })
  await api.send('POST', at(rbac, 'rolebindings'), {
    metadata: { name: 'discovery' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'discovery' },
    subjects: [reader],
  })
  const { status } = await api.send<{ status: { token: string } }>(
    'POST',
    at('api/v1', 'serviceaccounts/reader/token'),
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } },
  )
  const discovery = await openWith(t, namespace, status.token)
  await discovery.ready(10_000)
  return { discovery, namespace }
}

async function openWith(t: TestContext, namespace: string, token: string): Promise<Discovery> {
  const tokenPath = join(cluster.folder, `${namespace}.token`)
  writeFileSync(tokenPath, token)
  const { port, caPath } = cluster.controlPlane
  const files = new URLSearchParams({ token: tokenPath, ca: caPath })
  const discovery = await openDiscovery(`kubernetes://127.0.0.1:${port}/${namespace}/octavo?${files}`, {
    secret: '',
  })
  t.after(() => discovery[Symbol.asyncDispose]())
  return discovery
}

/** As the controller of EndpointSlices makes them. @returns its path */
async function addSlice(namespace: string, about: Instance, endpoints?: Endpoint[]): Promise<string> {
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
  const { hostname, port } = new URL(about.url)
  const name = `${about.service}-${about.id}`
  await api.send('POST', path, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      labels: {
        'kubernetes.io/service-name': about.service,
        'app.kubernetes.io/component': about.service,
        'app.kubernetes.io/instance': 'octavo',
        'app.kubernetes.io/version': about.version,
      },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: Number(port) }],
    endpoints: endpoints ?? [{ addresses: [hostname], targetRef: { kind: 'Pod', name: about.id } }],
  })
  return `${path}/${name}`
}

/** A resource that is newer than the server. @returns the path of its collection */
async function defineThings(): Promise<string> {
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' }
  const schema = { openAPIV3Schema: { type: 'object' } }
  await api.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
    metadata: { name: 'things.test.octavo.dev' },
    spec: {
      ...{ group: 'test.octavo.dev', scope: 'Namespaced', names },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  })
  const path = '/apis/test.octavo.dev/v1/namespaces/default/things'
  // It is refused while the server makes room for it.
  await until(async () => (await api.get(path).catch(() => undefined)) !== undefined)
  return path
}
