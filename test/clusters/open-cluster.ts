import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestScope } from '../support/database.ts'
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts'
import { runClient, type Said } from './kubectl.ts'
import { prepareTools, type Tools } from './tools.ts'

export type TestCluster = {
  controlPlane: ControlPlane
  tools: Tools
  /** Of this test alone; goes with it. */
  folder: string
  kubectl(args: readonly string[], input?: string): Promise<Said>
  helm(args: readonly string[], input?: string): Promise<Said>
}

const port = 6443

/**
 * A control plane for one test file, ended with it.
 * @throws Error outside the network of the test clusters
 */
export async function openCluster(
  scope: TestScope,
  options: Partial<ControlPlaneOptions> = {},
  wanted: Parameters<typeof prepareTools>[1] = {},
): Promise<TestCluster> {
  if (process.env.OCTAVO_CLUSTER_NETWORK !== 'entered')
    throw new Error('this needs the network of the test clusters: npm run test:clusters -- FILE')
  const tools = await prepareTools(console.log, wanted)
  const folder = mkdtempSync(join(tmpdir(), 'octavo-cluster-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  const at = join(folder, 'control-plane')
  mkdirSync(at)
  const controlPlane = await startControlPlane({ name: 'test', tools, folder: at, port, ...options })
  scope.after(() => controlPlane[Symbol.asyncDispose]())
  return {
    ...{ controlPlane, tools, folder },
    kubectl: (args, input) => runClient(tools, controlPlane, 'kubectl', args, input),
    helm: (args, input) => runClient(tools, controlPlane, 'helm', args, input),
  }
}
