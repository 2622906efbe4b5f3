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

const hubMs = Date.UTC(2026, 0, 1)

/** The controller of that hub. @param followed by every edge; undefined where none answers */
function startControl(
  t: { after(work: () => unknown): void },
  api: KubernetesApi,
  clock = systemClock,
  followed?: number,
) {
  const lost = new AbortController()
  const nobody = { followed, answering: new Set<string>(), heard: { revision: 0, epoch: 0 } }
  const none = { async [Symbol.asyncDispose]() {} }
  const running = control(
    {
      ...{ api, place, metrics: fleetMetrics(), clock },
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
}

/** A hub with a fleet of no clusters, whose watches tell what a test has them tell. */
function smallHub() {
  let fleet: BookstoreFleet = {
    metadata: { name: 'store', namespace: 'octavo-fleet', resourceVersion: '1', generation: 1 },
    spec: { version: '1', clusters: [] },
  }
  const tellers = new Map<string, (type: WatchEvent<object>['type'], object: object) => void>()
  const tellerOf = (collection: string) => [...tellers].find(([path]) => path.includes(collection))?.[1]
  const hub = {
    ...{ sent: [] as string[], refused: 0 },
    /** Whoever asks has no rights on paths with this in them. */
    forbidden: 'nothing',
    fleet: () => fleet,
    /** Somebody else writes it. */
    touch() {
      fleet = { ...fleet, metadata: { ...fleet.metadata, resourceVersion: 'another' } }
    },
    tell: (collection: string, object: object) => tellerOf(collection)?.('MODIFIED', object),
    gone: (collection: string, object: object) => tellerOf(collection)?.('DELETED', object),
  }
  const api: KubernetesApi = {
    get: async <T>(path: string) => {
      if (path.includes(hub.forbidden)) throw new KubernetesError(403, 'Forbidden', 'that is forbidden')
      return {
        metadata: { resourceVersion: '1' },
        items: path.includes('bookstorefleets') ? [fleet] : [],
      } as T
    },
    async send<T>(method: string, path: string, body?: unknown) {
      if (!path.includes('/bookstorefleets/')) {
        if (path.includes(hub.forbidden)) throw new KubernetesError(403, 'Forbidden', 'that is forbidden')
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
      const events: WatchEvent<T>[] = []
      tellers.set(path, (type, object) => events.push({ type, object: object as T }))
      for (; !signal.aborted; await sleep(10)) yield* events.splice(0)
    },
    serverMs: () => hubMs,
    async [Symbol.asyncDispose]() {},
  }
  return { hub, api }
}

test('a controller that looks at an old fleet does nothing, also where it has nothing to write', async (t) => {
  const { hub, api } = smallHub()
  startControl(t, api)
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

test('what cannot be done is told where operators look, and so is an edge that is silent', async (t) => {
  const { hub, api } = smallHub()
  hub.forbidden = 'certificatesigningrequests/stranger'
  startControl(t, api)
  await until(() => hub.fleet().status !== undefined)
  hub.tell('certificatesigningrequests', stranger)
  const troubles = () => hub.fleet().status?.troubles ?? []
  await until(() => troubles().includes('deny: that is forbidden'), 'it says what was refused')
  assert.ok(troubles().includes('no edges are named, so no cluster can be found to serve'))
  hub.gone('certificatesigningrequests', stranger)
  await sleep(2_500)
  assert.ok(troubles().includes('deny: that is forbidden'), 'also while it is not tried again')
  hub.forbidden = 'nothing'
  hub.tell('certificatesigningrequests', stranger)
  await until(() => !troubles().includes('deny: that is forbidden'), 'it is done now')
})

test('a controller that may not read what it goes by says so', async (t) => {
  const { hub, api } = smallHub()
  hub.forbidden = 'manifestworks'
  let aheadMs = 0
  startControl(t, api, { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs })
  await sleep(500)
  assert.equal(hub.fleet().status, undefined, 'not at once: it may only be starting')
  aheadMs = 60_000
  await until(() => hub.fleet().status?.message?.includes('cannot read /apis/work') === true)
})

test('whoever leads goes by the hub’s clock, also when his own is another or jumps', async (t) => {
  const { hub, api } = smallHub()
  startControl(t, api, { ...systemClock, now: () => Date.now() * Math.random() }, 0)
  await until(() => hub.fleet().status?.memory?.timeline[0] !== undefined)
  const [first] = hub.fleet().status?.memory?.timeline ?? []
  assert.ok(first !== undefined && first.atMs >= hubMs && first.atMs < hubMs + 60_000, `${first?.atMs}`)
})
