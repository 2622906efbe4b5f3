import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#ports/clock'
import { type KubernetesApi, openApiServer } from '#ports/kubernetes'
import { type BackgroundProcess, startProcess } from '../background-process.ts'
import type { ControlPlane } from '../control-plane.ts'
import { runClient } from '../kubectl.ts'
import type { Tools } from '../tools.ts'
import type { Agent } from './agent.ts'
import { make } from './registration.ts'
import { bootstrapSubject } from './start-hub.ts'

/** A folder with OCM's own `registration`, `placement` and `work`; with it the same tests run on them. */
export const ocmFolder = process.env.OCTAVO_TEST_OCM || undefined

const hubNamespace = 'open-cluster-management-hub'
const agentNamespace = 'open-cluster-management-agent'
const waitMs = 300

/** The hub's controllers of OCM itself, as processes. Their definitions and what bootstrap may do are applied before. */
export async function startRealHub(
  binaries: string,
  hub: ControlPlane,
  tools: Tools,
  folder: string,
): Promise<AsyncDisposable> {
  const definitions = moduleFolder()
  for (const each of [
    'cluster/v1alpha1',
    'cluster/v1beta1',
    'cluster/v1beta2',
    'work/v1alpha1',
    'addon/v1beta1',
  ])
    await runClient(tools, hub, 'kubectl', [
      'apply',
      '--server-side',
      '--force-conflicts',
      `--filename=${join(definitions, each)}`,
    ])
  await make(hub.api, '/api/v1/namespaces', { metadata: { name: hubNamespace } })
  const running = new AsyncDisposableStack()
  const start = (program: string, port: number, ...args: string[]) =>
    running.use(
      startProcess({
        command: join(binaries, program),
        args: [
          ...[args[0] ?? 'controller', `--kubeconfig=${hub.kubeconfig}`, `--namespace=${hubNamespace}`],
          ...[`--listen=127.0.0.1:${port}`, '--disable-leader-election', ...args.slice(1)],
        ],
        logPath: join(folder, `ocm-${program}.log`),
      }),
    )
  start('registration', 21_101, 'controller', '--feature-gates=DefaultClusterSet=true')
  start('placement', 21_102, 'controller')
  start('work', 21_103, 'manager')
  return running
}

export type RealAgentOptions = {
  binaries: string
  hub: ControlPlane
  /** The cluster's own control plane. */
  spoke: ControlPlane
  tools: Tools
  name: string
  folder: string
  port: number
}

/** OCM's agents of one cluster. */
export function startRealAgent(options: RealAgentOptions): Agent {
  const { hub, spoke, name, binaries, port } = options
  const folder = join(options.folder, `ocm-${name}`)
  const credentials = join(folder, 'hub')
  mkdirSync(credentials, { recursive: true })
  const processes: BackgroundProcess[] = []
  const stop = new AbortController()
  const start = (program: string, listen: number, args: string[]) =>
    processes.push(
      startProcess({
        command: join(binaries, program),
        args: [
          ...['agent', `--kubeconfig=${spoke.kubeconfig}`, `--namespace=${agentNamespace}`],
          ...[`--spoke-cluster-name=${name}`, `--agent-id=${name}`, `--listen=127.0.0.1:${listen}`],
          ...['--disable-leader-election', ...args],
        ],
        logPath: join(folder, `${program}.log`),
      }),
    )
  let client: KubernetesApi | undefined
  const has = (file: string) => existsSync(join(credentials, file))
  const running = (async () => {
    await prepareSpoke(options, join(folder, 'bootstrap.kubeconfig'))
    start('registration', port, [
      `--bootstrap-kubeconfig=${join(folder, 'bootstrap.kubeconfig')}`,
      ...[`--hub-kubeconfig-dir=${credentials}`, '--cluster-healthcheck-period=5s'],
    ])
    while (!stop.signal.aborted && !(has('kubeconfig') && has('tls.crt'))) await pause(stop.signal)
    if (stop.signal.aborted) return
    const [cert, key] = ['tls.crt', 'tls.key'].map((file) => readFileSync(join(credentials, file), 'utf8'))
    client = await openApiServer({
      url: hub.url,
      caPath: hub.caPath,
      certificate: { cert: cert ?? '', key: key ?? '' },
    })
    start('work', port + 1, [
      '--workload-source-driver=kube',
      ...[`--workload-source-config=${join(credentials, 'kubeconfig')}`, '--status-sync-interval=2s'],
    ])
  })()
  return {
    client: () => client,
    cut(isCut) {
      for (const each of processes) each.signal(isCut ? 'SIGSTOP' : 'SIGCONT')
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      for (const each of processes) await each.stop()
      await client?.[Symbol.asyncDispose]()
    },
  }
}

// Called off by the end.
const pause = (signal: AbortSignal) => systemClock.sleep(waitMs, signal).catch(() => {})

async function prepareSpoke({ hub, spoke, tools }: RealAgentOptions, path: string): Promise<void> {
  const definitions = moduleFolder()
  for (const file of [
    'work/v1/0000_01_work.open-cluster-management.io_appliedmanifestworks.crd.yaml',
    'cluster/v1alpha1/0000_02_clusters.open-cluster-management.io_clusterclaims.crd.yaml',
  ])
    await runClient(tools, spoke, 'kubectl', [
      'apply',
      '--server-side',
      `--filename=${join(definitions, file)}`,
    ])
  await make(spoke.api, '/api/v1/namespaces', { metadata: { name: agentNamespace } })
  writeFileSync(path, readFileSync(hub.kubeconfigFor('bootstrap', bootstrapSubject)))
  await make(spoke.api, `/api/v1/namespaces/${agentNamespace}/secrets`, {
    metadata: { name: 'bootstrap-hub-kubeconfig' },
    data: { kubeconfig: readFileSync(path).toString('base64') },
  })
}

/** Fetched with the other definitions; the version is in tools/crds/go.mod. */
function moduleFolder(): string {
  const cache = execFileSync('go', ['env', 'GOMODCACHE'], { encoding: 'utf8' }).trim()
  return join(cache, 'open-cluster-management.io', 'api@v1.3.0')
}
