import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type KubernetesApi, openApiServer } from '#ports/kubernetes'
import { type BackgroundProcess, startProcess } from './background-process.ts'
import { type Authority, makeTokenKeys, openAuthority } from './certificates.ts'
import type { Tools } from './tools.ts'

export type ControlPlaneOptions = {
  name: string
  tools: Tools
  /** Folder of its certificates, data and logs; made when missing. */
  folder: string
  /** The API server's; the five after it are taken too. */
  port: number
  /** Addresses of Services, `10.96.0.0/16` unless another. */
  serviceRange?: string
  /** A node that says nothing for so long is lost. */
  nodeGraceSeconds?: number
  /** What the controllers may ask of the API server; theirs unless another. */
  callsPerSecond?: number
  /** Pods are taken from a lost node after this long. */
  evictionSeconds?: number
}

export type ControlPlane = AsyncDisposable & {
  readonly name: string
  readonly url: string
  readonly port: number
  /** For kubectl and helm, as an administrator. */
  readonly kubeconfig: string
  readonly caPath: string
  readonly authority: Authority
  readonly api: KubernetesApi
  /** To be killed and frozen at will. */
  readonly parts: Readonly<Record<PartName, BackgroundProcess>>
  /** A kubeconfig of somebody else. @param subject such as `/O=system:nodes/CN=system:node:a` */
  kubeconfigFor(name: string, subject: string): string
  /** Opens a client of somebody else. */
  apiFor(name: string, subject: string): Promise<KubernetesApi>
}

type PartName = 'etcd' | 'api' | 'controllers' | 'scheduler'

const readyLimitMs = 150_000
const controllersSubject = '/CN=system:kube-controller-manager'

/**
 * A Kubernetes control plane of plain processes on loopback: etcd, API server, controller manager, scheduler. It ends
 * when disposed, and its processes end with this one.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { name, port, folder } = options
  const url = `https://127.0.0.1:${port}`
  for (const part of ['etcd', 'log', 'pki']) mkdirSync(join(folder, part), { recursive: true })
  const authority = openAuthority(join(folder, 'pki'), `${name}-ca`)
  const kubeconfigFor = (who: string, subject: string) =>
    writeKubeconfig(options, authority, url, who, subject)
  const apiFor = async (who: string, subject: string) => {
    const { cert, key } = authority.issue(who, subject)
    return openApiServer({ url, caPath: authority.certPath, certificate: { cert, key } })
  }
  const kubeconfig = kubeconfigFor('admin', '/O=system:masters/CN=admin')

  await using started = new AsyncDisposableStack()
  const start = (part: string, command: string, args: readonly string[], env?: Record<string, string>) =>
    started.use(startProcess({ command, args, env, logPath: join(folder, 'log', `${part}.log`) }))
  const etcd = start('etcd', options.tools.etcd, etcdFlags(options), { GOMEMLIMIT: '200MiB' })
  const server = start('api', options.tools['kube-apiserver'], apiFlags(options, authority))
  const api = started.use(await apiFor('admin', '/O=system:masters/CN=admin'))
  await untilThere(api, '/api/v1/namespaces/default', server)
  // Rights are made last, and the controllers and the scheduler end at once without this one.
  const asControllers = started.use(await apiFor('controllers', controllersSubject))
  await untilThere(
    asControllers,
    '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication',
    server,
  )
  const controllers = start(
    'controllers',
    options.tools['kube-controller-manager'],
    controllerFlags(options, authority, kubeconfigFor('controllers', controllersSubject)),
  )
  const schedulerConfig = kubeconfigFor('scheduler', '/CN=system:kube-scheduler')
  const scheduler = start('scheduler', options.tools['kube-scheduler'], [
    ...authFlags(schedulerConfig),
    ...['--bind-address=127.0.0.1', `--secure-port=${port + 4}`, '--leader-elect=false'],
  ])
  // Admission refuses a pod whose service account is not there yet.
  await untilThere(api, '/api/v1/namespaces/default/serviceaccounts/default', controllers)
  const running = started.move()
  return {
    ...{ name, url, port, kubeconfig, authority, api, kubeconfigFor, apiFor },
    caPath: authority.certPath,
    parts: { etcd, api: server, controllers, scheduler },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function etcdFlags({ name, folder, port }: ControlPlaneOptions): string[] {
  const client = `http://127.0.0.1:${port + 1}`
  const peer = `http://127.0.0.1:${port + 2}`
  return [
    ...[`--name=${name}`, `--data-dir=${join(folder, 'etcd')}`, '--log-level=warn'],
    ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
    // What a test cluster holds needs not outlive the machine.
    ...[`--initial-cluster=${name}=${peer}`, '--unsafe-no-fsync'],
  ]
}

function apiFlags(options: ControlPlaneOptions, authority: Authority): string[] {
  const { port, folder, serviceRange = '10.96.0.0/16' } = options
  const own = serviceRange.replace(/\.\d+\/\d+$/, '.1')
  const names = `IP:127.0.0.1,IP:${own},DNS:localhost,DNS:kubernetes.default.svc`
  const server = authority.issue('apiserver', '/CN=kube-apiserver', names)
  const proxy = authority.issue('front-proxy', '/CN=front-proxy-client')
  const tokens = makeTokenKeys(join(folder, 'pki'))
  return [
    ...[`--etcd-servers=http://127.0.0.1:${port + 1}`, `--secure-port=${port}`],
    ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', '--endpoint-reconciler-type=none'],
    ...[`--tls-cert-file=${server.certPath}`, `--tls-private-key-file=${server.keyPath}`],
    ...[`--client-ca-file=${authority.certPath}`, '--authorization-mode=Node,RBAC'],
    '--enable-admission-plugins=NodeRestriction',
    `--service-cluster-ip-range=${serviceRange}`,
    ...['--service-account-issuer=https://kubernetes.default.svc'],
    `--service-account-key-file=${tokens.publicPath}`,
    `--service-account-signing-key-file=${tokens.privatePath}`,
    ...[`--requestheader-client-ca-file=${authority.certPath}`],
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    ...[`--proxy-client-cert-file=${proxy.certPath}`, `--proxy-client-key-file=${proxy.keyPath}`],
    ...['--enable-priority-and-fairness=false', '--profiling=false', '--v=1'],
    `--default-unreachable-toleration-seconds=${options.evictionSeconds ?? 300}`,
    `--default-not-ready-toleration-seconds=${options.evictionSeconds ?? 300}`,
  ]
}

function controllerFlags(options: ControlPlaneOptions, authority: Authority, kubeconfig: string): string[] {
  const { port, folder, nodeGraceSeconds = 20, callsPerSecond = 20 } = options
  return [
    ...[...authFlags(kubeconfig), '--bind-address=127.0.0.1', `--secure-port=${port + 3}`],
    ...[
      `--cluster-signing-cert-file=${authority.certPath}`,
      `--cluster-signing-key-file=${authority.keyPath}`,
    ],
    ...[`--root-ca-file=${authority.certPath}`, '--use-service-account-credentials', '--leader-elect=false'],
    `--service-account-private-key-file=${makeTokenKeys(join(folder, 'pki')).privatePath}`,
    `--node-monitor-grace-period=${nodeGraceSeconds}s`,
    '--node-monitor-period=1s',
    ...[`--kube-api-qps=${callsPerSecond}`, `--kube-api-burst=${callsPerSecond * 1.5}`],
    ...['--horizontal-pod-autoscaler-sync-period=2s', '--v=1'],
  ]
}

const authFlags = (kubeconfig: string) => [
  `--kubeconfig=${kubeconfig}`,
  `--authentication-kubeconfig=${kubeconfig}`,
  `--authorization-kubeconfig=${kubeconfig}`,
]

/** JSON is YAML too. */
function writeKubeconfig(
  { name, folder }: ControlPlaneOptions,
  authority: Authority,
  url: string,
  who: string,
  subject: string,
): string {
  const path = join(folder, `${who}.kubeconfig`)
  const { cert, key } = authority.issue(who, subject)
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: who } }],
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': base64(authority.cert) } }],
    users: [{ name: who, user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }],
  }
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
  return path
}

async function untilThere(api: KubernetesApi, path: string, maker: BackgroundProcess): Promise<void> {
  const deadline = performance.now() + readyLimitMs
  while ((await api.get(path).catch(() => undefined)) === undefined) {
    assert.ok(maker.isRunning(), `it ended: ${maker.said()}`)
    assert.ok(performance.now() < deadline, `no ${path} in ${readyLimitMs} ms: ${maker.said()}`)
    await sleep(100)
  }
}
