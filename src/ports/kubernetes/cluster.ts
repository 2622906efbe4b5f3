import { readFile } from 'node:fs/promises'
import { type Clock, systemClock } from '#ports/clock'
import { type KubernetesApi, openApiServer } from './api.ts'

/** An API server, and what in it is meant. */
export type KubernetesCluster = {
  api: KubernetesApi
  host: string
  namespace: string
  /** Of what is meant, when it has one: a release, a fleet, an object. */
  release: string | undefined
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Opens what a URL names: `kubernetes://host[:port]/namespace/release`, all of it optional; `?token=` and `?ca=` name
 * other files than those of the pod's service account. Nothing is sent until something is asked.
 * @throws TypeError when it is none; Error when a file that it needs is missing
 */
export async function openKubernetes(url: string, clock: Clock = systemClock): Promise<KubernetesCluster> {
  const { host, token, ca, namespace, release } = await readPlace(url)
  const api = await openApiServer({ url: `https://${host}`, caPath: ca, tokenPath: token, clock })
  return { api, host, namespace, release }
}

async function readPlace(text: string) {
  const url = URL.parse(text === 'kubernetes:' ? 'kubernetes://' : text)
  const [namespace = '', release = '', ...rest] = (url?.pathname ?? '').split('/').slice(1)
  const names = [namespace, release].filter((name) => name !== '')
  if (
    url === null ||
    rest.length > 0 ||
    names.some((name) => !/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(name))
  )
    throw new TypeError(`"${text}" should be kubernetes://host:port/namespace/release, or kubernetes:`)
  return {
    host: url.host || 'kubernetes.default.svc',
    token: url.searchParams.get('token') ?? `${accountFolder}/token`,
    ca: url.searchParams.get('ca') ?? `${accountFolder}/ca.crt`,
    namespace: namespace || (await readFile(`${accountFolder}/namespace`, 'utf8')).trim(),
    release: release || undefined,
  }
}
