/** One object of a rendered chart. Read loosely: what is checked may be missing or of any shape. */
export type Manifest = { kind: string; metadata: { name: string }; spec?: Loose } & Loose
// biome-ignore lint/suspicious/noExplicitAny: manifests are data from outside, looked into by path
type Loose = Record<string, any>

type Rule = { name: string; complaints(all: readonly Manifest[]): string[] }

/** What every rendering of the chart has to keep to. */
export const rules: readonly Rule[] = [
  rule('pods are restricted (Pod Security Standards)', (all) => workloads(all).flatMap(restrictedComplaints)),
  rule('roots are read-only', (all) =>
    containers(all).flatMap(({ at, container }) =>
      container.securityContext?.readOnlyRootFilesystem === true ? [] : [`${at} may write to its root`],
    ),
  ),
  rule('requests and limits are set', (all) =>
    containers(all).flatMap(({ at, container: { resources = {} } }) =>
      ['requests.cpu', 'requests.memory', 'limits.memory'].flatMap((path) => {
        const [kind = '', what = ''] = path.split('.')
        return resources[kind]?.[what] ? [] : [`${at} has no ${path}`]
      }),
    ),
  ),
  rule('roles have all three probes', (all) =>
    containers(of(all, 'Deployment')).flatMap(({ at, container }) =>
      ['startupProbe', 'livenessProbe', 'readinessProbe'].flatMap((probe) =>
        container[probe]?.httpGet ? [] : [`${at} has no ${probe}`],
      ),
    ),
  ),
  rule('a port-forward reaches every role', (all) =>
    containers(of(all, 'Deployment')).flatMap(({ at, container: { env = [] } }) =>
      (env as Loose[]).some(({ name, value }) => /^OCTAVO_(SERVICE_)?HOST$/.test(name) && value === '*')
        ? []
        : [`${at} does not listen on its loopback`],
    ),
  ),
  rule('images are known versions', (all) =>
    containers(all).flatMap(({ at, container }) =>
      /@sha256:[0-9a-f]{64}$|:(?!latest$)[\w.-]+$/.test(container.image)
        ? []
        : [`${at} runs ${container.image}`],
    ),
  ),
  rule('no secret is in a manifest or an environment', (all) => [
    ...of(all, 'Secret').map(({ metadata }) => `Secret ${metadata.name} is part of the chart`),
    ...of(all, 'ConfigMap').flatMap(({ metadata, data = {} }) =>
      Object.entries(data).flatMap(([name, value]) =>
        looksSecret(name, String(value)) ? [`ConfigMap ${metadata.name} holds ${name}`] : [],
      ),
    ),
    ...containers(all).flatMap(({ at, container: { env = [] } }) =>
      (env as Loose[]).flatMap(({ name, value = '', valueFrom }) =>
        valueFrom?.secretKeyRef || looksSecret(name, value) ? [`${at} has ${name} in its environment`] : [],
      ),
    ),
  ]),
  rule('tokens are mounted only where they are used', (all) => [
    ...of(all, 'ServiceAccount').flatMap(({ metadata, automountServiceAccountToken }) =>
      automountServiceAccountToken === false ? [] : [`account ${metadata.name} mounts its token everywhere`],
    ),
    ...workloads(all).flatMap((each) => {
      const { automountServiceAccountToken, serviceAccountName = 'default' } = podOf(each)
      return [
        ...(automountServiceAccountToken === false ? [] : [`${nameOf(each)} mounts its token`]),
        ...(serviceAccountName === 'default' ? [`${nameOf(each)} has no account of its own`] : []),
      ]
    }),
  ]),
  rule('rights are few', (all) =>
    of(all, 'Role', 'ClusterRole').flatMap(({ kind, metadata, rules: granted = [] }) => [
      ...(kind === 'ClusterRole' ? [`${metadata.name} reaches beyond its namespace`] : []),
      ...(granted as Loose[]).flatMap(({ resources = [], verbs = [], resourceNames = [] }) =>
        [...resources, ...verbs].some((word) => ['*', 'secrets'].includes(word)) ||
        // Leases of others are others' business; whom a name is for cannot be said of making one.
        (resources.includes('leases') && resourceNames.length === 0 && verbs.join() !== 'create')
          ? [`${metadata.name} may ${verbs} ${resources}`]
          : [],
      ),
    ]),
  ),
  rule('roles are spread over zones and hosts', (all) =>
    of(all, 'Deployment').flatMap((each) =>
      ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].flatMap((key) =>
        (podOf(each).topologySpreadConstraints ?? []).some((spread: Loose) => spread.topologyKey === key)
          ? []
          : [`${nameOf(each)} is not spread over ${key}`],
      ),
    ),
  ),
  rule('a drain leaves all but one', (all) =>
    of(all, 'Deployment').flatMap((each) => {
      const isSeveral = (each.spec?.replicas ?? 2) > 1
      const covered = of(all, 'PodDisruptionBudget').filter(
        ({ spec }) => selects(spec?.selector, labelsOf(each)) && spec?.maxUnavailable === 1,
      )
      return isSeveral && covered.length !== 1 ? [`${nameOf(each)} has ${covered.length} budgets`] : []
    }),
  ),
  rule('an update takes nobody away first, and the old ones finish', (all) =>
    of(all, 'Deployment').flatMap((each) => {
      const { maxUnavailable } = each.spec?.strategy?.rollingUpdate ?? {}
      const drain = podOf(each).containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0
      const finishes = (podOf(each).terminationGracePeriodSeconds ?? 0) - drain >= finishSecondsMin
      return [
        ...(maxUnavailable === 0 ? [] : [`${nameOf(each)} may be fewer during an update`]),
        ...(drain > 0 && finishes ? [] : [`${nameOf(each)} has no time to drain and finish`]),
      ]
    }),
  ),
  rule('the network is closed but for what is said', (all) => {
    const policies = of(all, 'NetworkPolicy')
    return workloads(all).flatMap((each) => {
      const own = policies.filter(({ spec }) =>
        selects({ matchLabels: spec?.podSelector?.matchLabels }, labelsOf(each)),
      )
      const closed = ['Ingress', 'Egress'].every((type) =>
        own.some(({ spec }) => spec?.policyTypes?.includes(type)),
      )
      const open = own.filter(({ spec }) =>
        [...(spec?.ingress ?? []), ...(spec?.egress ?? [])].some((peer: Loose) => !peer.ports?.length),
      )
      return [
        ...(closed ? [] : [`nothing closes the network of ${nameOf(each)}`]),
        ...open.map(({ metadata }) => `${metadata.name} opens every port of ${nameOf(each)}`),
      ]
    })
  }),
  rule('every Service leads to a role', (all) =>
    of(all, 'Service').flatMap(({ metadata, spec }) =>
      of(all, 'Deployment').some((each) => selects({ matchLabels: spec?.selector }, labelsOf(each)))
        ? []
        : [`Service ${metadata.name} leads nowhere`],
    ),
  ),
]

/** What is wrong with a rendered chart, each with the rule that says so. */
export function policyComplaints(all: readonly Manifest[]): string[] {
  return rules.flatMap(({ name, complaints }) => complaints(all).map((complaint) => `${name}: ${complaint}`))
}

/** A process that is told to end takes up to six seconds. */
const finishSecondsMin = 7

function rule(name: string, complaints: Rule['complaints']): Rule {
  return { name, complaints }
}

const of = (all: readonly Manifest[], ...kinds: string[]) => all.filter(({ kind }) => kinds.includes(kind))
const workloads = (all: readonly Manifest[]) =>
  of(all, 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob')
const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`
const templateOf = ({ spec }: Manifest): Loose => (spec?.jobTemplate?.spec ?? spec)?.template ?? {}
const podOf = (each: Manifest): Loose => templateOf(each).spec ?? {}
const labelsOf = (each: Manifest): Record<string, string> => templateOf(each).metadata?.labels ?? {}

function containers(all: readonly Manifest[]): { at: string; container: Loose }[] {
  return workloads(all).flatMap((each) =>
    [...(podOf(each).initContainers ?? []), ...(podOf(each).containers ?? [])].map((container: Loose) => ({
      ...{ container, at: `${nameOf(each)}, ${container.name}` },
    })),
  )
}

function selects(selector: Loose | undefined, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector?.matchLabels ?? {})
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value)
}

function looksSecret(name: string, value: string): boolean {
  const names = /(SECRET|PASSWORD|TOKEN|_KEY|_DB|BROKER|PAYMENT)$/
  const isSecret = names.test(name) && value !== ''
  return isSecret || /\/\/[^/\s]*:[^/\s]*@/.test(value)
}

/** Source: https://kubernetes.io/docs/concepts/security/pod-security-standards, "Restricted". */
function restrictedComplaints(each: Manifest): string[] {
  const pod = podOf(each)
  const forAll = pod.securityContext ?? {}
  const volumeKinds = [
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ]
  const wrong = (is: unknown, what: string) => (is ? [`${nameOf(each)} ${what}`] : [])
  return [
    ...wrong(pod.hostNetwork || pod.hostPID || pod.hostIPC, "shares the host's namespaces"),
    ...(pod.volumes ?? []).flatMap((volume: Loose) => {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? ''
      return wrong(!volumeKinds.includes(kind), `mounts a ${kind}`)
    }),
    ...(pod.containers ?? []).flatMap((container: Loose) => {
      const own = container.securityContext ?? {}
      const seccomp = (own.seccompProfile ?? forAll.seccompProfile)?.type
      return [
        ...wrong((own.runAsNonRoot ?? forAll.runAsNonRoot) !== true, 'may run as root'),
        ...wrong((own.runAsUser ?? forAll.runAsUser) === 0, 'runs as root'),
        ...wrong(own.privileged, 'is privileged'),
        ...wrong(own.allowPrivilegeEscalation !== false, 'may gain privileges'),
        ...wrong(!own.capabilities?.drop?.includes('ALL'), 'keeps capabilities'),
        ...wrong((own.capabilities?.add ?? []).length > 0, 'adds capabilities'),
        ...wrong(!['RuntimeDefault', 'Localhost'].includes(seccomp), 'has no seccomp profile'),
        ...wrong(
          (container.ports ?? []).some((port: Loose) => port.hostPort),
          'takes a port of the host',
        ),
      ]
    }),
  ]
}
