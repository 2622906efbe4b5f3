import type { Manifest } from './policy.ts'

/** One thing that a rule forbids, done to a rendering of the chart that keeps to all of them. */
export type Violation = { rule: string; plant(manifests: Manifest[]): void }

type Loose = Manifest[string]
const restricted = 'pods are restricted (Pod Security Standards)'

export const violations: readonly Violation[] = [
  inPod(restricted, (pod) => {
    pod.hostNetwork = true
  }),
  inPod(restricted, (pod) => void pod.volumes.push({ name: 'host', hostPath: { path: '/' } })),
  inPod(restricted, (pod) => {
    pod.securityContext.runAsNonRoot = false
  }),
  inPod(restricted, (pod) => {
    pod.securityContext.runAsUser = 0
  }),
  inPod(restricted, (pod) => {
    delete pod.securityContext.seccompProfile
  }),
  inContainer(restricted, ({ securityContext }) => {
    securityContext.privileged = true
  }),
  inContainer(restricted, ({ securityContext }) => {
    delete securityContext.allowPrivilegeEscalation
  }),
  inContainer(restricted, ({ securityContext }) => {
    securityContext.capabilities.drop = []
  }),
  inContainer(restricted, ({ securityContext }) => {
    securityContext.capabilities.add = ['SYS_TIME']
  }),
  inContainer(restricted, ({ ports }) => {
    ports[0].hostPort = 8080
  }),
  inContainer('roots are read-only', (each) => {
    delete each.securityContext.readOnlyRootFilesystem
  }),
  inContainer('requests and limits are set', ({ resources }) => {
    delete resources.limits.memory
  }),
  inContainer('requests and limits are set', ({ resources }) => {
    delete resources.requests.cpu
  }),
  inContainer('roles have all three probes', (container) => {
    delete container.startupProbe
  }),
  inContainer('roles have all three probes', (container) => {
    delete container.livenessProbe
  }),
  inContainer('roles have all three probes', (container) => {
    delete container.readinessProbe
  }),
  inContainer('a port-forward reaches every role', ({ env }) => {
    env[0].value = '$(POD_IP)'
  }),
  inContainer('images are known versions', (container) => {
    container.image = 'octavo:latest'
  }),
  inContainer('images are known versions', (container) => {
    container.image = 'octavo'
  }),
  inContainer('no secret is in a manifest or an environment', ({ env }) =>
    env.push({ name: 'OCTAVO_SECRET', value: 'open sesame' }),
  ),
  inContainer('no secret is in a manifest or an environment', ({ env }) =>
    env.push({ name: 'CACHE', value: 'redis://default:open@cache:6379' }),
  ),
  {
    rule: 'no secret is in a manifest or an environment',
    plant: (all) =>
      void all.push({ kind: 'Secret', metadata: { name: 'keys' }, stringData: { secret: 'open' } }),
  },
  inPod('tokens are mounted only where they are used', (pod) => {
    delete pod.automountServiceAccountToken
  }),
  inPod('tokens are mounted only where they are used', (pod) => {
    delete pod.serviceAccountName
  }),
  inFirst('tokens are mounted only where they are used', 'ServiceAccount', (account) => {
    delete account.automountServiceAccountToken
  }),
  inFirst('rights are few', 'Role', (role) => void role.rules[0].verbs.push('*')),
  inFirst('rights are few', 'Role', (role) => void role.rules[0].resources.push('secrets')),
  {
    rule: 'rights are few',
    plant: (all) => {
      const own = all.find(({ kind, metadata }) => kind === 'Role' && metadata.name.endsWith('-leases'))
      delete own?.rules[0].resourceNames
    },
  },
  inPod('roles are spread over zones and hosts', (pod) => void pod.topologySpreadConstraints.shift()),
  without('a drain leaves all but one', 'PodDisruptionBudget'),
  inFirst('an update takes nobody away first, and the old ones finish', 'Deployment', ({ spec }) => {
    spec.strategy.rollingUpdate.maxUnavailable = 1
  }),
  inPod('an update takes nobody away first, and the old ones finish', (pod) => {
    pod.terminationGracePeriodSeconds = 5
  }),
  without('the network is closed but for what is said', 'NetworkPolicy'),
  inFirst('the network is closed but for what is said', 'NetworkPolicy', ({ spec }) => {
    spec.ingress = [{}]
  }),
  inFirst('every Service leads to a role', 'Service', ({ spec }) => {
    spec.selector['app.kubernetes.io/component'] = 'nobody'
  }),
]

function inFirst(rule: string, kind: string, change: (manifest: Loose) => void): Violation {
  return { rule, plant: (all) => change(all.find((each) => each.kind === kind)) }
}

function inPod(rule: string, change: (pod: Loose) => void): Violation {
  return inFirst(rule, 'Deployment', ({ spec }) => change(spec.template.spec))
}

function inContainer(rule: string, change: (container: Loose) => void): Violation {
  return inPod(rule, (pod) => change(pod.containers[0]))
}

function without(rule: string, kind: string): Violation {
  return {
    rule,
    plant: (all) => {
      const kept = all.filter((each) => each.kind !== kind)
      all.splice(0, all.length, ...kept)
    },
  }
}
