import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#ports/clock'
import { type KubernetesApi, openApiServer } from '#ports/kubernetes'
import {
  type CertificateSigningRequest,
  clusterApi,
  clusterNameLabel,
  csrApi,
} from '../../../src/services/fleet/hub/objects.ts'
import type { ControlPlane } from '../control-plane.ts'
import { groupOf, make, remove, setAvailable } from './registration.ts'
import { bootstrapSubject } from './start-hub.ts'
import { runWorkAgent, type Spoke } from './work-agent.ts'

export type Agent = AsyncDisposable & {
  /** Its client of the hub, once it has a certificate. */
  client(): KubernetesApi | undefined
  /** Cuts it from the hub, or joins it again. */
  cut(isCut: boolean): void
}

export type AgentOptions = {
  hub: ControlPlane
  name: string
  folder: string
  spoke: Spoke
  /** Whom its certificate is to be for; itself unless a test says otherwise. */
  subject?: string
  /** The cluster that its request says it is of. */
  label?: string
}

const lookMs = 150

/** A stand-in for OCM's agents on one cluster: registers, renews its lease, and applies its works. */
export function startAgent(options: AgentOptions): Agent {
  const stop = new AbortController()
  let client: KubernetesApi | undefined
  let isCut = false
  const running = (async () => {
    client = await register(options, stop.signal)
    if (client === undefined) return
    const api = client
    await Promise.all([
      renewLease(api, options.name, () => isCut, stop.signal),
      runWorkAgent(api, options.name, options.spoke, () => isCut, stop.signal),
    ])
  })()
  return {
    client: () => client,
    cut(next) {
      isCut = next
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await client?.[Symbol.asyncDispose]()
    },
  }
}

/** Announces the cluster and asks for its certificate, by the identity that everyone begins with. */
async function register(options: AgentOptions, signal: AbortSignal): Promise<KubernetesApi | undefined> {
  const { hub, name, folder } = options
  const bootstrap = await hub.apiFor('bootstrap', bootstrapSubject)
  try {
    await make(bootstrap, clusterApi, {
      ...{ apiVersion: 'cluster.open-cluster-management.io/v1', kind: 'ManagedCluster' },
      ...{ metadata: { name }, spec: { hubAcceptsClient: false, leaseDurationSeconds: 5 } },
    })
    const { request, keyPath } = makeRequest(folder, name, options.subject ?? subjectOf(name))
    const { metadata } = await bootstrap.send<CertificateSigningRequest>('POST', csrApi, {
      ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' },
      metadata: { generateName: `${name}-`, labels: { [clusterNameLabel]: options.label ?? name } },
      spec: {
        ...{ request, signerName: 'kubernetes.io/kube-apiserver-client', expirationSeconds: 3_600 },
        usages: ['digital signature', 'client auth'],
      },
    })
    while (!signal.aborted) {
      const found = await bootstrap.get<CertificateSigningRequest>(`${csrApi}/${metadata.name}`)
      const cert = found?.status?.certificate
      if (cert !== undefined) {
        const certificate = {
          cert: Buffer.from(cert, 'base64').toString(),
          key: readFileSync(keyPath, 'utf8'),
        }
        return await openApiServer({ url: hub.url, caPath: hub.caPath, certificate })
      }
      // Called off by the end.
      await systemClock.sleep(lookMs, signal).catch(() => {})
    }
    return undefined
  } finally {
    await bootstrap[Symbol.asyncDispose]()
  }
}

export const subjectOf = (name: string) => `/O=${groupOf(name)}/CN=${groupOf(name)}:agent`

function makeRequest(folder: string, name: string, subject: string) {
  const at = join(folder, `agent-${name}-${crypto.randomUUID().slice(0, 8)}`)
  mkdirSync(at, { recursive: true })
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: at, stdio: 'pipe' })
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'agent.key')
  openssl('req', '-new', '-key', 'agent.key', '-subj', subject, '-out', 'agent.csr')
  return {
    request: readFileSync(join(at, 'agent.csr')).toString('base64'),
    keyPath: join(at, 'agent.key'),
  }
}

async function renewLease(
  api: KubernetesApi,
  name: string,
  isCut: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${name}/leases`
  while (!signal.aborted) {
    if (!isCut()) await renewOnce(api, name, path).catch(() => {})
    // Called off by the end.
    await systemClock.sleep(1_000, signal).catch(() => {})
  }
}

async function renewOnce(api: KubernetesApi, name: string, path: string): Promise<void> {
  const renewTime = new Date().toISOString().replace('Z', '000Z')
  const spec = { holderIdentity: name, leaseDurationSeconds: 5, renewTime }
  const lease = await api.get<{ metadata: object }>(`${path}/managed-cluster-lease`)
  if (lease === undefined) await make(api, path, { metadata: { name: 'managed-cluster-lease' }, spec })
  else await api.send('PUT', `${path}/managed-cluster-lease`, { ...lease, spec })
  await setAvailable(api, name, 'True')
}

export { remove }
