import type { PicturedCluster } from '#kernel/fleet-picture'
import { isBlind } from '../../src/services/fleet/decisions/adopt.ts'
import { asOfNow } from '../../src/services/fleet/decisions/as-of-now.ts'
import { decide } from '../../src/services/fleet/decisions/decide.ts'
import { explain } from '../../src/services/fleet/decisions/explain.ts'
import {
  type Action,
  type ClusterSpec,
  type FleetMemory,
  type FleetSpec,
  freshMemory,
  type Seen,
  type SeenCluster,
} from '../../src/services/fleet/decisions/model.ts'
import { pictureOf } from '../../src/services/fleet/decisions/picture.ts'

export const usual: ClusterSpec = {
  ...{ name: '', url: 'http://a', numbersUrl: '', ring: 0, capacity: 1_000, key: '', intent: 'serve' },
  ...{ approvedBy: ['ada', 'ben'], isProduction: true, keeper: undefined },
}
const rollout = {
  ...{ canaryPercent: 5, soakMs: 60_000, ordersMin: 100, readyLimitMs: 60_000 },
  ...{ failedPercentMax: 1, slowPercentMax: 10 },
}

/** A fleet of two clusters and more, whose clusters do as they are told at once, unless a test says otherwise. */
export function fleetOf(...names: string[]) {
  const specs = new Map<string, ClusterSpec>(
    names.map((name, ring) => [name, { ...usual, name, ring, key: `key of ${name}` }]),
  )
  const seen = new Map<string, SeenCluster>()
  const down = new Set<string>()
  const never = new Set<string>()
  const versions = ['1', '2'].map((version) => ({ version, schemas: {} }))
  let memory: FleetMemory = freshMemory
  let actions: readonly Action[] = []
  let picture = { clusters: [] as readonly PicturedCluster[] }
  let last: Seen | undefined
  let wanted: FleetSpec | undefined
  let running = new Map<string, string | undefined>()
  const fleet = {
    ...{ rollout, specs, seen, down, never, version: '1', edges: true },
    /** Orders a second. */
    demand: 0,
    /** What the fleet says besides. */
    also: {} as Partial<FleetSpec>,
    /** The hub has lost everything; clusters and edges have not. */
    forget() {
      running = new Map(Object.entries(memory.clusters).map(([name, { version }]) => [name, version]))
      memory = freshMemory
    },
    /** No edge answers at all. */
    isDeaf: false,
    /** Clusters with a request that does not end. */
    busy: new Set<string>(),
    now: 0,
    memory: () => memory,
    phases: () => Object.entries(memory.clusters).map(([name, { phase }]) => `${name} ${phase}`),
    pictured: () => picture.clusters.map(({ name, weight }) => `${name} ${weight}`).sort(),
    why: () =>
      last && wanted
        ? explain({
            spec: asOfNow(wanted, memory, fleet.now),
            seen: last,
            memory,
            nowMs: fleet.now,
            actions: [],
          })
        : {},
    said: (words: RegExp) => memory.timeline.filter(({ text }) => words.test(text)).length,
    /** That works tell of. */
    epochs: new Map<string, number>(),
    heard: { revision: 0, epoch: 0 },
    orders: new Map<string, { taken: number; failed: number; slow: number }>(),
    member(name: string, to: Partial<ClusterSpec>) {
      const before = specs.get(name) ?? { ...usual, name, ring: specs.size }
      specs.set(name, { ...before, ...to })
    },
    join(name: string) {
      seen.set(name, {
        ...{ name, registration: 'accepted', isAvailable: true, isTainted: false, work: undefined, works: 0 },
        ...{ hasRights: false, requests: [], alarms: [], edge: undefined },
      })
    },
    run(seconds: number) {
      for (const endMs = fleet.now + seconds * 1_000; fleet.now < endMs; ) {
        fleet.now += 1_000
        for (const each of seen.values()) obey(each)
        const spec: FleetSpec = {
          ...{ paused: false, dryRun: false, version: fleet.version, clusters: [...specs.values()], rollout },
          ...{ clustersMin: 2, databases: undefined, dns: undefined, placement: '' },
          ...fleet.also,
        }
        const view: Seen = {
          ...{
            clusters: seen,
            versions,
            followed: fleet.edges && !fleet.isDeaf ? memory.revision : undefined,
          },
          ...{ decided: undefined, answering: new Set<string>(), heard: fleet.heard },
          ...{ demand: fleet.demand, kept: new Map() },
        }
        last = view
        wanted = spec
        ;({ memory, actions } = decide(spec, view, memory, fleet.now))
        if (fleet.edges && !isBlind({ memory, seen: view })) picture = pictureOf(spec, memory)
      }
      return actions
    },
  }
  const obey = (each: SeenCluster) => {
    const { version } = memory.clusters[each.name] ?? { version: running.get(each.name) }
    const isReady = !never.has(each.name)
    const epoch = fleet.epochs.get(each.name)
    each.work = version === undefined ? undefined : { version, epoch, isApplied: true, isReady }
    each.works = version === undefined ? 0 : 1
    if (fleet.isDeaf) {
      each.edge = undefined
      return
    }
    each.edge = {
      ...{
        isUp: !down.has(each.name),
        version,
        inFlight: Number(fleet.busy.has(each.name)),
        ordersPerSecond: 0,
      },
      weight: picture.clusters.find(({ name }) => name === each.name)?.weight ?? 0,
      orders: fleet.orders.get(each.name) ?? { taken: 0, failed: 0, slow: 0 },
    }
  }
  for (const name of names) fleet.join(name)
  return fleet
}
