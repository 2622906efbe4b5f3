import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { KubernetesApi } from '#ports/kubernetes'
import { configMap, secret } from './environment.ts'
import type { Items, Pod, Source, Volume } from './objects.ts'

type Claim = { spec: { volumeName?: string } }
type PersistentVolume = { spec: { hostPath?: { path: string } } }
type TokenRequest = { status: { token: string } }

/**
 * Makes a pod's volumes.
 * @param folder of the pod
 * @returns the folder of each volume, by its name
 * @throws Error when something it is made from is missing, or is of a kind that this node does not know
 */
export async function makeVolumes(
  api: KubernetesApi,
  pod: Pod,
  folder: string,
  fields: Readonly<Record<string, string>>,
): Promise<Map<string, string>> {
  const group = pod.spec.securityContext?.fsGroup
  const made = new Map<string, string>()
  for (const volume of pod.spec.volumes ?? []) {
    const path = join(folder, 'volumes', volume.name)
    made.set(volume.name, await makeVolume(api, pod, volume, path, { fields, group }))
  }
  return made
}

type Making = { fields: Readonly<Record<string, string>>; group: number | undefined }

async function makeVolume(
  api: KubernetesApi,
  pod: Pod,
  volume: Volume,
  path: string,
  making: Making,
): Promise<string> {
  if (volume.hostPath) return volume.hostPath.path
  if (volume.persistentVolumeClaim) return claimed(api, pod, volume.persistentVolumeClaim.claimName)
  mkdirSync(path, { recursive: true })
  if (volume.emptyDir) {
    chmodSync(path, 0o777)
    return path
  }
  const { defaultMode = 0o644, sources } = volume.projected ?? { sources: [volume] }
  rmSync(path, { recursive: true })
  mkdirSync(path)
  for (const source of sources)
    for (const [name, text] of await filesOf(api, pod, source, making.fields))
      place(join(path, name), text, defaultMode, making.group)
  return path
}

function place(path: string, text: string, mode: number, group: number | undefined): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  if (group !== undefined) chownSync(path, 0, group)
  chmodSync(path, mode)
}

async function filesOf(
  api: KubernetesApi,
  pod: Pod,
  source: Source,
  fields: Readonly<Record<string, string>>,
): Promise<[string, string][]> {
  if (source.secret) {
    const { name = source.secret.secretName ?? '', items, optional } = source.secret
    return chosen(name, await secret(api, pod, { name, optional }), items, optional)
  }
  if (source.configMap) {
    const { name, items, optional } = source.configMap
    return chosen(name, await configMap(api, pod, source.configMap), items, optional)
  }
  if (source.downwardAPI)
    return (source.downwardAPI.items ?? []).map(({ path, fieldRef }) => [
      path,
      fields[fieldRef?.fieldPath ?? ''] ?? '',
    ])
  if (source.serviceAccountToken)
    return [[source.serviceAccountToken.path, await tokenFor(api, pod, source.serviceAccountToken)]]
  throw new Error(`this node does not know that kind of volume: ${Object.keys(source).join(', ')}`)
}

function chosen(
  name: string,
  data: Readonly<Record<string, string>>,
  items: Items | undefined,
  optional = false,
): [string, string][] {
  if (items === undefined) return Object.entries(data)
  return items.flatMap(({ key, path }): [string, string][] => {
    const text = data[key]
    if (text === undefined && !optional) throw new Error(`"${name}" has no key ${key}`)
    return text === undefined ? [] : [[path, text]]
  })
}

async function tokenFor(
  api: KubernetesApi,
  { metadata, spec }: Pod,
  { expirationSeconds = 3600, audience }: { expirationSeconds?: number; audience?: string },
): Promise<string> {
  const account = spec.serviceAccountName ?? 'default'
  const path = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${account}/token`
  const { status } = await api.send<TokenRequest>('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      expirationSeconds,
      ...(audience && { audiences: [audience] }),
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
    },
  })
  return status.token
}

async function claimed(api: KubernetesApi, { metadata }: Pod, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${metadata.namespace}/persistentvolumeclaims/${name}`
  const volume = (await api.get<Claim>(path))?.spec.volumeName
  if (volume === undefined) throw new Error(`the claim "${name}" is not bound yet`)
  const found = await api.get<PersistentVolume>(`/api/v1/persistentvolumes/${volume}`)
  if (found?.spec.hostPath === undefined) throw new Error(`this node cannot mount the volume "${volume}"`)
  return found.spec.hostPath.path
}
