import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KubernetesError } from '#ports/kubernetes'
import type { ManifestWork } from '../../../src/services/fleet/hub/objects.ts'
import type { TestScope } from '../../support/database.ts'
import { type ControlPlane, startControlPlane } from '../control-plane.ts'
import { runClient } from '../kubectl.ts'
import type { TestCluster } from '../open-cluster.ts'
import { type Agent, startAgent } from './agent.ts'
import { ocmFolder, startRealAgent } from './real-ocm.ts'
import { worksOf } from './registration.ts'
import type { Spoke } from './work-agent.ts'

export type OwnSpoke = Spoke & { controlPlane?: ControlPlane }

/** What keeps works of an earlier day from being done. */
export async function guard({ tools }: TestCluster, on: ControlPlane): Promise<void> {
  const text = readFileSync(new URL('../../../deploy/fleet/databases.yaml', import.meta.url), 'utf8')
  const { code, err } = await runClient(
    tools,
    on,
    'kubectl',
    ['apply', '--server-side', '--filename=-'],
    text,
  )
  assert.equal(code, 0, err)
}

/** A namespace of the hub's API server stands for a cluster; with OCM itself each has a control plane of its own. */
export async function openSpoke(
  scope: TestScope,
  { controlPlane, tools, folder }: TestCluster,
  name: string,
  i: number,
): Promise<OwnSpoke> {
  if (ocmFolder === undefined) return { api: controlPlane.api, namespace: `spoke-${name}` }
  const options = {
    name,
    tools,
    folder: join(folder, `spoke-${name}`),
    port: controlPlane.port + 100 * (i + 1),
  }
  const own = await startControlPlane(options)
  scope.after(() => own[Symbol.asyncDispose]())
  return { api: own.api, namespace: 'octavo', controlPlane: own }
}

export function enrol(
  scope: TestScope,
  { controlPlane, folder, tools }: TestCluster,
  spoke: OwnSpoke,
  name: string,
  i: number,
): Agent {
  const options = { hub: controlPlane, name, folder, spoke }
  const agent =
    ocmFolder === undefined || spoke.controlPlane === undefined
      ? startAgent(options)
      : startRealAgent({
          ...{ ...options, binaries: ocmFolder, tools, spoke: spoke.controlPlane },
          port: 21_200 + 10 * i,
        })
  scope.after(() => agent[Symbol.asyncDispose]())
  return agent
}

/** A Cluster that nobody could make is refused by them, and not by the definitions. */
export async function answersWell({ api, namespace }: Spoke): Promise<boolean> {
  const path = `/apis/postgresql.cnpg.io/v1/namespaces/${namespace}/clusters?dryRun=All`
  const object = {
    ...{ apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', metadata: { name: 'none' } },
    spec: { instances: 1, storage: { size: '1Gi' }, replica: { primary: 'x', source: 'y' } },
  }
  const message = await api.send('POST', path, object).then(
    () => '',
    (error: Error) => error.message,
  )
  return message.includes('External cluster')
}

/** The work that says where a cluster's databases have their primaries. */
export async function databasesWork({ controlPlane }: TestCluster, cluster: string): Promise<ManifestWork> {
  const { items = [] } = (await controlPlane.api.get<{ items: ManifestWork[] }>(worksOf(cluster))) ?? {}
  const found = items.find(({ metadata }) => metadata.name.endsWith('-databases'))
  assert.ok(found)
  return found
}

/** As it was; whatever its agent says of it in the meantime. */
export async function putBack(hub: TestCluster, work: ManifestWork): Promise<void> {
  const { namespace = '', name } = work.metadata
  for (;;) {
    const { metadata } = await databasesWork(hub, namespace)
    try {
      await hub.controlPlane.api.send('PUT', `${worksOf(namespace)}/${name}`, { ...work, metadata })
      return
    } catch (error) {
      if (!(error instanceof KubernetesError && error.isConflict)) throw error
    }
  }
}
