import { decide } from '../../src/services/fleet/decisions/decide.ts'
import {
  type Action,
  type ClusterSpec,
  type DatabasesSpec,
  type FleetMemory,
  type FleetSpec,
  freshMemory,
  type Seen,
  type SeenCluster,
} from '../../src/services/fleet/decisions/model.ts'
import { pictureOf } from '../../src/services/fleet/decisions/picture.ts'
import type { SeenCopy } from '../../src/services/fleet/decisions/topology.ts'
import { usualCopy } from './copies.ts'
import { usual } from './small-fleet.ts'

const member = (name: string): ClusterSpec => ({ ...usual, name, url: `http://${name}`, key: 'k' })
const copy: SeenCopy = { ...usualCopy, timeline: 1 }

/** A version, and what it makes of the schema of orders. */
export const versionOf = (version: string, made: number) => ({
  version,
  schemas: { orders: { version: made, oldest: 1 } },
})

/** Two clusters that do as their works say at once, but for databases, which do as a test says. */
export function twoClusters() {
  const specs = [member('north'), member('south')]
  const copies = { north: { ...copy }, south: { ...copy, timeline: 0 } }
  const databases: DatabasesSpec = {
    ...{ home: '', lostAfterMs: 5_000 },
    operator: {
      namespace: 'o',
      names: { 'order-db': 'orders', 'book-db': 'books' },
      clusters: ['north', 'south'],
    },
  }
  const seen = new Map<string, SeenCluster>()
  let memory: FleetMemory = freshMemory
  const fleet = {
    heard: undefined as Seen['heard'] | undefined,
    ...{ specs, copies, databases, now: 0, last: [] as readonly Action[], paused: false, version: '1' },
    versions: [versionOf('1', 1)],
    /** Orders that failed at the home. */
    failed: 0,
    memory: () => memory,
    at: (name: string) => seen.get(name) as SeenCluster,
    picture: () => pictureOf(specOf(), memory),
    run(seconds: number) {
      for (let i = 0; i < seconds; i++) {
        fleet.now += 1_000
        const view: Seen = {
          ...{ clusters: seen, versions: fleet.versions, followed: memory.revision },
          ...{
            decided: undefined,
            answering: new Set<string>(),
            heard: fleet.heard ?? { revision: memory.revision, epoch: 0 },
            demand: 0,
          },
          kept: new Map(),
        }
        const decision = decide(specOf(), view, memory, fleet.now)
        memory = decision.memory
        fleet.last = decision.actions
        for (const action of decision.actions) carryOut(action)
        for (const [name, each] of seen) {
          if (each.edge)
            each.edge = { ...each.edge, orders: { taken: fleet.now / 100, failed: fleet.failed, slow: 0 } }
          if (each.databases === undefined) continue
          const { told } = each.databases
          const telling = told === undefined || told === 'look' ? 0 : told.telling
          const own = { ...copies[name as 'north' | 'south'], telling }
          each.databases.copies = { 'order-db': own, 'book-db': own }
        }
      }
      return fleet.last.map(({ kind }) => kind)
    },
  }
  const specOf = (): FleetSpec => ({
    ...{ paused: fleet.paused, dryRun: false, version: fleet.version, clusters: specs, clustersMin: 2 },
    ...{ databases: fleet.databases, dns: undefined, placement: '' },
    rollout: {
      ...{ canaryPercent: 5, soakMs: 60_000, ordersMin: 100, readyLimitMs: 60_000 },
      ...{ failedPercentMax: 1, slowPercentMax: 10 },
    },
  })
  const carryOut = (action: Action) => {
    if (!('cluster' in action)) return
    const each = fleet.at(action.cluster)
    const count = () => Number(each.work !== undefined) + Number(each.databases !== undefined)
    if (action.kind === 'apply') {
      const { version, epoch } = action
      each.work = { version, epoch, isApplied: true, isReady: true }
      const orders = { taken: 0, failed: 0, slow: 0 }
      each.edge = { isUp: true, version, inFlight: 0, ordersPerSecond: 0, orders }
    }
    if (action.kind === 'tell-databases')
      each.databases = { version: '1', told: action.told, copies: {}, isApplied: true }
    if (action.kind === 'refuse') each.registration = 'waiting'
    if (action.kind === 'reap') each.work = undefined
    if (action.kind === 'reap' && !action.keepsDatabases) each.databases = undefined
    each.works = count()
  }
  for (const { name } of specs)
    seen.set(name, {
      ...{ name, registration: 'accepted', isAvailable: true, isTainted: false, work: undefined, works: 0 },
      ...{ hasRights: false, requests: [], alarms: [], edge: undefined },
    })
  fleet.run(60)
  return fleet
}

/** What the operators of both would come to in a planned move. */
export function move({ copies, run }: ReturnType<typeof twoClusters>) {
  Object.assign(copies.north, { primary: 'south', demotionToken: 'T' })
  run(2)
  Object.assign(copies.south, { primary: 'south', given: 'T', taken: 'T', timeline: 2 })
  return run(3)
}
