import type { KubernetesApi } from '#ports/kubernetes'
import type { Container, EnvVar, Pod, Reference } from './objects.ts'

type Data = { data?: Readonly<Record<string, string>> }

/** What a container is told by its environment. @throws Error when a Secret or ConfigMap that it needs is missing */
export async function environmentOf(
  api: KubernetesApi,
  pod: Pod,
  container: Container,
  fields: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) Object.assign(env, await configMap(api, pod, configMapRef))
    if (secretRef) Object.assign(env, await secret(api, pod, secretRef))
  }
  for (const variable of container.env ?? []) {
    const value = await variableValue(api, pod, variable, fields)
    if (value !== undefined) env[variable.name] = expand(value, env)
  }
  return env
}

/** What the downward API knows of a pod, by field path. */
export function fieldsOf(pod: Pod, podIp: string): Record<string, string> {
  return {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName ?? '',
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': podIp,
  }
}

/** @throws Error when it is missing and not optional */
export async function secret(
  api: KubernetesApi,
  pod: Pod,
  reference: Reference,
): Promise<Record<string, string>> {
  const data = await read(api, pod, 'secrets', reference)
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]),
  )
}

/** @throws Error when it is missing and not optional */
export const configMap = (api: KubernetesApi, pod: Pod, reference: Reference) =>
  read(api, pod, 'configmaps', reference)

async function read(
  api: KubernetesApi,
  pod: Pod,
  kind: 'secrets' | 'configmaps',
  { name, optional }: Reference,
): Promise<Readonly<Record<string, string>>> {
  const found = await api.get<Data>(`/api/v1/namespaces/${pod.metadata.namespace}/${kind}/${name}`)
  if (found === undefined && !optional) throw new Error(`there is no ${kind.slice(0, -1)} "${name}"`)
  return found?.data ?? {}
}

async function variableValue(
  api: KubernetesApi,
  pod: Pod,
  { name, value, valueFrom }: EnvVar,
  fields: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (valueFrom === undefined) return value ?? ''
  const { fieldRef, secretKeyRef, configMapKeyRef } = valueFrom
  if (fieldRef) {
    const field = fields[fieldRef.fieldPath]
    if (field === undefined) throw new Error(`${name}: this node knows no field ${fieldRef.fieldPath}`)
    return field
  }
  if (secretKeyRef) return (await secret(api, pod, secretKeyRef))[secretKeyRef.key]
  if (configMapKeyRef) return (await configMap(api, pod, configMapKeyRef))[configMapKeyRef.key]
  throw new Error(`${name}: this node does not know that source of a value`)
}

/** `$(NAME)` is the variable set before it, `$$(NAME)` itself, and what is not set stays as it is. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(\$)?\(([\w.-]+)\)/g, (whole, escaped, name: string) =>
    escaped ? whole.slice(1) : (env[name] ?? whole),
  )
}
