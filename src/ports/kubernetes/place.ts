import { readFile } from 'node:fs/promises'

export type KubernetesPlace = {
  host: string
  token: string
  ca: string
  namespace: string
  release: string | undefined
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Reads where a cluster is and what of it is meant: `kubernetes://host[:port]/namespace/release`, all of it optional;
 * `?token=` and `?ca=` name other files than those of the pod's service account.
 * @throws TypeError when it is none; Error when the namespace is to be read from a file that is not there
 */
export async function readKubernetesUrl(text: string): Promise<KubernetesPlace> {
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
