import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#ports/clock'
import { type KubernetesApi, KubernetesError, type WatchEvent } from '#ports/kubernetes'
import { until } from '../../../test/support/until.ts'
import { control } from './controller.ts'
import type { BookstoreFleet } from './hub/fleet-object.ts'
import { fleetMetrics } from './metrics.ts'

const place = { namespace: 'octavo-fleet', name: 'store' }
const stranger = {
  metadata: {
    name: 'stranger',
    resourceVersion: '1',
    labels: { 'open-cluster-management.io/cluster-name': 'unknown' },
  },
  spec: { request: '', signerName: 'kubernetes.io/kube-apiserver-client' },
}

/** A hub with a fleet of no clusters, whose watches tell what a test has them tell. */
function smallHub() {
  let fleet: BookstoreFleet = {
    metadata: { name: 'store', namespace: 'octavo-fleet', resourceVersion: '1', generation: 1 },
    spec: { version: '1', clusters: [] },
  }
  const tellers = new Map<string, (object: object) => void>()
  const hub = {
    ...{ sent: [] as string[], refused: 0, isDeaf: false },
    fleet: () => fleet,
    /** Somebody else writes it. */
    touch() {
      fleet = { ...fleet, metadata: { ...fleet.metadata, resourceVersion: 'another' } }
    },
    tell: (collection: string, object: object) =>
      [...tellers].find(([path]) => path.includes(collection))?.[1](object),
  }
  const api: KubernetesApi = {
    get: async <T>(path: string) =>
      ({ metadata: { resourceVersion: '1' }, items: path.includes('bookstorefleets') ? [fleet] : [] }) as T,
    async send<T>(method: string, path: string, body?: unknown) {
      if (!path.includes('/bookstorefleets/')) {
        hub.sent.push(`${method} ${path}`)
        return {} as T
      }
      const { metadata, status } = body as BookstoreFleet
      if (metadata.resourceVersion !== fleet.metadata.resourceVersion) {
        hub.refused++
        throw new KubernetesError(409, 'Conflict', 'somebody has written it')
      }
      const resourceVersion = String(Number(fleet.metadata.resourceVersion) + 1)
      // As a server stores it.
      fleet = JSON.parse(JSON.stringify({ ...fleet, metadata: { ...metadata, resourceVersion }, status }))
      hub.tell('bookstorefleets', fleet)
      return fleet as T
    },
    async *watch<T>(path: string, _version: string, signal: AbortSignal): AsyncIterable<WatchEvent<T>> {
      const objects: object[] = []
      tellers.set(path, (object) => objects.push(object))
      for (; !signal.aborted; await sleep(10))
        for (const object of objects.splice(0)) yield { type: 'MODIFIED', object: object as T }
    },
    async [Symbol.asyncDispose]() {},
  }
  return { hub, api }
}

test('a controller that looks at an old fleet does nothing, also where it has nothing to write', async (t) => {
  const { hub, api } = smallHub()
  const lost = new AbortController()
  const nobody = { followed: undefined, answering: new Set<string>(), heard: { revision: 0, epoch: 0 } }
  const none = { async [Symbol.asyncDispose]() {} }
  const running = control(
    {
      ...{ api, place, metrics: fleetMetrics(), clock: systemClock },
      edges: { ...none, ask: async () => ({ ...nobody, demand: undefined, clusters: new Map() }) },
      keepers: { ...none, ask: async () => new Map(), tell: async () => true },
      placements: { ask: async () => undefined },
      alarms: { ...none, ask: async () => new Map() },
    },
    lost.signal,
  )
  t.after(async () => {
    lost.abort()
    await running
  })
  await until(() => hub.fleet().status !== undefined)
  assert.equal(hub.fleet().status?.picture, undefined, 'edges that it cannot hear go on by what they have')
  hub.tell('certificatesigningrequests', stranger)
  await until(() => hub.sent.length > 0, 'it refuses a stranger')
  hub.touch()
  await sleep(300)
  const before = hub.sent.length
  hub.refused = 0
  await until(() => hub.refused > 1)
  assert.equal(hub.sent.length, before)
})
