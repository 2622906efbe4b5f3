import { symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { request } from 'undici'
import { version } from '#config'
import { type KeptDatabase, keptDatabases } from '#kernel/database-turn'
import { openDiscovery } from '#ports/discovery'
import { innerMetricsToken } from '#ports/http'
import type { FleetMemory } from '../../../src/services/fleet/decisions/model.ts'
import type { BookstoreFleet } from '../../../src/services/fleet/hub/fleet-object.ts'
import { addTitles } from '../../faults/titles.ts'
import { type CuttingProxy, openCuttingProxy } from '../../support/cutting-proxy.ts'
import type { TestScope } from '../../support/database.ts'
import { edgeSecret } from '../../support/edge.ts'
import { type KeptCluster, keptUrl, openKeptCluster } from '../../support/kept-cluster.ts'
import {
  openProcessCluster,
  type ProcessCluster,
  type SharedParts,
  sharedParts,
} from '../../support/process-cluster.ts'
import { until } from '../../support/until.ts'
import { untilLong } from '../install-store.ts'
import { nextVersion } from '../next-version.ts'
import { openCluster, type TestCluster } from '../open-cluster.ts'
import { type Agent, startAgent } from './agent.ts'
import type { Fault } from './bad-program.ts'
import { openFleet, type TestFleet } from './open-fleet.ts'
import { type Program, runStores, type StoreWorkload } from './store-workload.ts'
import { manifestsOf } from './workload.ts'

const databases = { 'order-db': 'orders', 'book-db': 'books' } as const
const names = ['a', 'b', 'c']
const firstTwo = ['a', 'b']
export const first = version

/** One cluster with all that is in it, each part to be killed, frozen and cut off by itself. */
export type StoreCluster = {
  name: string
  store: ProcessCluster
  kept: KeptCluster
  workload: StoreWorkload
  agent: Agent
  /** The way from the edge to its gateway. */
  door: CuttingProxy
}

export type StoreFleet = {
  fleet: TestFleet
  hub: TestCluster
  shared: SharedParts
  at(name: string): StoreCluster
  memory(): Promise<FleetMemory | undefined>
  /** Waits for what takes as long as a start of everything; says what the controller remembers when it does not come. */
  waitFor(condition: () => Promise<boolean>): Promise<void>
  /** These serve with their whole share, and no other does. */
  servesAt(...names: string[]): Promise<boolean>
  homeAt(name: string): Promise<boolean>
  /** Titles with so many copies each. @returns their ISBNs */
  addTitles(copies: readonly number[], firstNumber?: number): Promise<string[]>
}

/** Versions beside the first, which is this checkout's: a later one, or that with a fault in it. */
export type LaterVersions = Readonly<Record<string, 'good' | Fault>>

/**
 * Three clusters under the controller of a hub, behind an edge: each has real stores, and a server of either database.
 * `a` and `b` serve, and the databases are at `a`.
 */
export async function openStoreFleet(
  scope: TestScope,
  later: LaterVersions,
  spec: Pick<BookstoreFleet['spec'], 'rollout'>,
): Promise<StoreFleet> {
  const kept = await Promise.all(names.map((name) => openKeptCluster(scope, name, edgeSecret)))
  for (const each of kept) await each.start()
  const url = (database: KeptDatabase) =>
    keptUrl(
      kept.map((each) => each.address(database)),
      databases[database],
    )
  const shared = sharedParts(scope, url('book-db'), url('order-db'), edgeSecret)
  const stores = await Promise.all(names.map((name) => openProcessCluster(scope, name, shared)))
  const doors = await Promise.all(
    stores.map((store) => openCuttingProxy(scope, Number(new URL(store.url).port))),
  )
  const hub = await openCluster(scope)
  const programs = await programsOf(hub.folder, later)
  const clusters = await Promise.all(
    names.map(async (name, ring) => {
      const [store, own, door] = [stores[ring], kept[ring], doors[ring]] as [
        ProcessCluster,
        KeptCluster,
        CuttingProxy,
      ]
      const keeper = { url: own.keeperUrl, orderDb: own.address('order-db'), bookDb: own.address('book-db') }
      const numbersUrl = await openNumbers(scope, store, shared.secrets.secret)
      const about = {
        ring,
        keeper,
        numbersUrl,
        ordersPerSecond: 1_000,
        production: false,
        approvedBy: ['ada'],
      }
      return { name, url: `http://127.0.0.1:${door.port}`, ...about }
    }),
  )
  const fleet = await openFleet(scope, hub, {
    ...{ version: first, clustersMin: 2, databases: { home: 'a', lostAfterSeconds: 2 }, clusters },
    ...spec,
  })
  for (const [i, each] of Object.keys(programs).entries())
    await fleet.addVersion(each, { orders: { version: i === 0 ? 1 : 2, oldest: 1 } }, manifestsOf(each))
  const parts = new Map<string, StoreCluster>()
  const join = async (name: string) => {
    const i = names.indexOf(name)
    const spoke = { api: hub.controlPlane.api, namespace: `spoke-${name}` }
    await spoke.api.send('POST', '/api/v1/namespaces', { metadata: { name: spoke.namespace } })
    const [store, own, door] = [stores[i], kept[i], doors[i]] as [ProcessCluster, KeptCluster, CuttingProxy]
    const workload = runStores(scope, spoke, store, programs)
    const agent = startAgent({ hub: hub.controlPlane, name, folder: hub.folder, spoke })
    scope.after(() => agent[Symbol.asyncDispose]())
    parts.set(name, { name, store, kept: own, workload, agent, door })
  }
  for (const name of firstTwo) await join(name)
  const controller = await fleet.startController()
  scope.after(() => controller[Symbol.asyncDispose]())
  const opened = {
    ...lookAt(fleet),
    fleet,
    hub,
    shared,
    at: (name: string) => parts.get(name) as StoreCluster,
  }
  await opened.waitFor(() => opened.servesAt(...firstTwo))
  // Later, so that the two are taken however slow the machine is.
  await join('c')
  return {
    ...opened,
    addTitles: (copies, firstNumber) =>
      addTitles({ url: fleet.edge.url, staff: shared.staff }, copies, firstNumber),
  }
}

function lookAt(fleet: TestFleet) {
  const memory = async () => (await fleet.read()).status?.memory
  const story = async () =>
    JSON.stringify({ ...(await fleet.read()).status, edge: await fleet.edge.state() }, null, 1)
  return {
    memory,
    waitFor: (condition: () => Promise<boolean>) => untilLong(condition, story),
    async servesAt(...wanted: string[]) {
      const serving = Object.entries((await memory())?.clusters ?? {}).filter(
        ([, { phase }]) => phase === 'serving',
      )
      return (
        serving.every(([name, { weight }]) => wanted.includes(name) && weight === 100) &&
        serving.length === wanted.length
      )
    },
    async homeAt(name: string) {
      const { homes = {} } = (await memory()) ?? {}
      return keptDatabases.every((each) => homes[each]?.step === 'steady' && homes[each].cluster === name)
    },
  }
}

/** What runs for each version. */
async function programsOf(folder: string, later: LaterVersions): Promise<Record<string, Program>> {
  const programs: Record<string, Program> = { [first]: {} }
  for (const [name, fault] of Object.entries(later)) {
    const at = await nextVersion(join(folder, `version-${name}`), name)
    symlinkSync(join(import.meta.dirname, '..', '..', '..', 'node_modules'), join(at, 'node_modules'))
    const path = join(at, 'src', 'main.ts')
    programs[name] =
      fault === 'good'
        ? { path }
        : {
            path: join(import.meta.dirname, 'bad-program.ts'),
            env: { OCTAVO_TEST_PROGRAM: path, OCTAVO_TEST_FAULT: fault },
          }
  }
  return programs
}

/** Stands for a cluster's Prometheus: the numbers of the roles that have a database. @returns its URL */
async function openNumbers(scope: TestScope, store: ProcessCluster, secret: string): Promise<string> {
  const headers = { authorization: `Bearer ${innerMetricsToken(secret)}` }
  const server = createServer(async (_, response) => {
    try {
      await using discovery = await openDiscovery(store.discoveryUrl, { secret })
      await discovery.ready(1_000)
      const databases = ['catalog', 'orders'].flatMap((role) => discovery.instances(role))
      const texts = databases.map(async ({ url }) => {
        const { body } = await request(`${url}/metrics`, { headers })
        return await body.text()
      })
      response.end((await Promise.all(texts)).join('\n'))
    } catch {
      // A cluster that is away shows no numbers.
      response.writeHead(503).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  scope.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`
}

/** How long it takes until the edge finds a cluster down, and that nothing is sent to it afterwards. */
export async function untilOff({ edge }: TestFleet, name: string): Promise<number> {
  const beganMs = performance.now()
  await until(async () => !(await edge.cluster(name)).isUp, `${name} is found down`)
  return Math.round(performance.now() - beganMs)
}
