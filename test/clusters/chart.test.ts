import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { manifestsIn } from '../../src/commands/fleet.ts'
import { fileScope } from '../support/file-scope.ts'
import { until } from '../support/until.ts'
import { type Manifest, policyComplaints, rules } from './chart/policy.ts'
import { violations } from './chart/violations.ts'
import { prepareDefinitions } from './definitions.ts'
import { openCluster, type TestCluster } from './open-cluster.ts'

/** The chart, rendered by the real helm and judged by a real API server. */
const chart = join(import.meta.dirname, '..', '..', 'deploy', 'chart')
const databases = 'secrets.bookDb.name=book-db,secrets.orderDb.name=order-db'
const values = {
  default: ['--set', `${databases},secrets.objectStore.name=objects`],
  laptop: [...['--values', join(chart, 'values-laptop.yaml')], ...['--set', databases]],
  production: ['--values', join(chart, 'values-production.yaml')],
  snapshots: [
    ...['--set', `${databases},secrets.objectStore.name=objects,cloudnativePg.enabled=true`],
    ...['--set', 'cloudnativePg.backupSchedule=0 0 3 * * *'],
  ],
  everything: [
    ...['--values', join(chart, 'values-production.yaml'), '--set', 'ingress.enabled=true'],
    ...[
      '--set',
      'ingress.host=shop.example.org,externalSecrets.enabled=true,externalSecrets.store.name=vault',
    ],
    ...[
      '--set',
      'authorities.configMap=our-authorities,secrets.revision=two,fleet.enabled=true,serviceMonitor.keepsBuckets=true',
    ],
    ...['--set', 'keda.enabled=true,keda.triggers[0].type=cpu,keda.triggers[0].metricType=Utilization'],
    ...[
      '--set-string',
      'keda.triggers[0].metadata.value=60',
      '--set',
      `image.digest=sha256:${'a'.repeat(64)},image.warehouse.digest=sha256:${'b'.repeat(64)}`,
    ],
  ],
}
const scope = fileScope()
let cluster: TestCluster

before(async () => {
  cluster = await openCluster(scope)
  for (const file of await prepareDefinitions()) {
    const { code, err } = await cluster.kubectl(['apply', '--server-side', '--filename', file])
    assert.equal(code, 0, err)
  }
  // Every pod that is not restricted is refused here, or at least warned of.
  const levels = ['enforce', 'warn', 'audit'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`)
  assert.equal((await cluster.kubectl(['create', 'namespace', 'shop'])).code, 0)
  assert.equal((await cluster.kubectl(['label', 'namespace', 'shop', ...levels])).code, 0)
})

for (const [name, flags] of Object.entries(values)) {
  test(`with ${name} values the chart keeps to every policy`, async () => {
    assert.deepEqual(policyComplaints(await render(flags)), [])
  })

  test(`with ${name} values the API server takes every object, strictly and without a warning`, async () => {
    const rendered = await template(flags)
    const apply = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--namespace=shop']
    const { code, err } = await cluster.kubectl([...apply, '--filename=-'], rendered)
    assert.equal(err, '')
    assert.equal(code, 0)
  })
}

test('each policy notices what it forbids', async () => {
  const rendered = await render(values.production)
  for (const { rule, plant } of violations) {
    const manifests = structuredClone(rendered)
    plant(manifests)
    const noticed = policyComplaints(manifests).filter((complaint) => complaint.startsWith(`${rule}:`))
    assert.ok(noticed.length > 0, `nobody noticed: ${rule}, ${plant}`)
  }
  const planted = new Set(violations.map(({ rule }) => rule))
  assert.deepEqual(
    rules.map(({ name }) => name).filter((name) => !planted.has(name)),
    [],
  )
})

test('the API server refuses what a policy forbids too, so that the check is one', async () => {
  const rendered = (await template(values.default)).replaceAll('runAsNonRoot: true', 'runAsNonRoot: false')
  const apply = ['apply', '--server-side', '--dry-run=server', '--namespace=shop', '--filename=-']
  assert.match((await cluster.kubectl(apply, rendered)).err, /Warning: would violate PodSecurity "restricted/)
})

/** The chart makes nothing of this setting, and says why. */
async function refused(setting: string, words: RegExp): Promise<void> {
  const flags = ['template', 'octavo', chart, ...values.default, '--set', setting]
  const { code, err } = await cluster.helm(flags)
  assert.notEqual(code, 0, setting)
  assert.match(err, words)
}

test('values that the schema does not know are refused in words', async () => {
  await refused('everyRole.replicas=many', /everyRole\/replicas.*want integer/)
  await refused('roles.cashier.replicas=2', /additional properties 'cashier' not allowed/)
  await refused('image.tag=latest', /image\/tag/)
  await refused('url=shop.example.org', /\/url.*does not match pattern/)
  await refused('url=https://ada:open@shop.example.org', /\/url.*does not match pattern/)
  await refused('networkPolicy.outside=null', /networkPolicy.*missing property 'outside'/)
  await refused('settings.OCTAVO_SECRET=open', /invalid propertyName 'OCTAVO_SECRET'/)
  await refused('secrets.bookDb.name=', /secrets\/bookDb\/name/)
  await refused('everyRole=null', /missing property 'everyRole'/)
})

test('values that are right each by itself and wrong together are refused in words', async () => {
  for (const [setting, words] of [
    ['httpRoute.enabled=true', /needs httpRoute.parentRefs/],
    ['ingress.enabled=true', /needs ingress.host/],
    ['keda.enabled=true', /needs keda.triggers/],
    ['externalSecrets.enabled=true', /needs externalSecrets.store.name/],
    ['cloudnativePg.enabled=true,cloudnativePg.synchronous=5', /synchronous is 5: .* at most 4/],
    ['secrets.objectStore=null', /vouchers have no place/],
    ['secrets.objectStore=null,objectStore.volume.emptyDir.medium=Memory', /each pod has one of its own/],
    ['serviceMonitor.enabled=true,secrets.metricsToken.name=keys', /needs networkPolicy.monitoring/],
    ['objectStore.volume.persistentVolumeClaim.claimName=vouchers', /both set; vouchers/],
    ['roles.catalog.autoscaling.enabled=true,roles.catalog.autoscaling.min=9', /min 9 above max 6/],
    ['settings.OCTAVO_URL=https://shop.example.org', /settings.OCTAVO_URL: that is the value url/],
    ['settings.OCTAVO_SERVICE_PORT="9"', /OCTAVO_SERVICE_PORT: the chart sets it/],
    ['settings.OCTAVO_TLS_CERT=/tls.crt', /OCTAVO_TLS_CERT: no certificate is mounted/],
    ['keda.enabled=true,keda.triggers[0].type=cpu,keda.min=20', /keda.min is 20, above keda.max/],
    ['settings.OCTAVO_SHOP_CONTRY=DE', /OCTAVO_SHOP_CONTRY: no role reads/],
    ['authorities.configMap=a,authorities.secret=b', /both set; set one/],
    [`image.digest=sha256:${'a'.repeat(64)}`, /image.warehouse.digest is not set/],
  ] as const)
    await refused(setting, words)
})

test('a store in a cluster is in production, where nothing fails on purpose, unless somebody says otherwise', async () => {
  assert.match(await template(values.default), /OCTAVO_ENV: production/)
  assert.match(
    await template([...values.default, '--set', 'settings.OCTAVO_ENV=staging']),
    /OCTAVO_ENV: staging/,
  )
})

test('whatever a release may be called, the API server takes every object of it', async () => {
  for (const name of ['my.shop', '1st-shop', 'octavo.2', 'x'.repeat(53), `octavo-${'y'.repeat(46)}`]) {
    const flags = [`--namespace=shop`, ...values.production, ...values.default]
    const { code, out, err } = await cluster.helm(['template', name, chart, ...flags])
    assert.equal(code, 0, err)
    const apply = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--namespace=shop']
    const applied = await cluster.kubectl([...apply, '--filename=-'], out)
    assert.equal(applied.err, '', name)
    for (const { kind, metadata } of documentsOf(out))
      if (kind === 'Cluster') assert.ok(metadata.name.length <= 50, metadata.name)
  }
})

test('two releases in one namespace have nothing in common', async () => {
  const rendered = await Promise.all(
    ['octavo', 'octavo-2', 'shop'].map(async (name) => {
      const flags = ['template', name, chart, '--namespace=shop', ...values.default]
      return documentsOf((await cluster.helm(flags)).out)
    }),
  )
  const names = rendered.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  assert.equal(new Set(names).size, names.length)
  const instances = rendered.map((all) => [
    ...new Set(all.flatMap(({ spec }) => spec?.selector?.matchLabels?.['app.kubernetes.io/instance'] ?? [])),
  ])
  assert.deepEqual(instances, [['octavo'], ['octavo-2'], ['shop']])
})

const whereStore = { nodeSelector: { pool: 'store' }, tolerations: [{ key: 'store', operator: 'Exists' }] }

test('what migrates is a new Job whenever anything of it is new, for a Job cannot be changed', async () => {
  const jobs = await Promise.all(
    [
      'image.tag=1.0.0',
      `image.digest=sha256:${'a'.repeat(64)},image.warehouse.digest=sha256:${'b'.repeat(64)}`,
      `image.tag=2.0.0,image.digest=sha256:${'a'.repeat(64)},image.warehouse.digest=sha256:${'b'.repeat(64)}`,
      'imagePullSecrets[0].name=ours',
      'image.pullPolicy=Always',
      'everyRole.nodeSelector.pool=store,everyRole.tolerations[0].key=store,everyRole.tolerations[0].operator=Exists',
    ].map(async (set) =>
      (await render([...values.default, '--set', set])).find(({ kind }) => kind === 'Job'),
    ),
  )
  assert.equal(new Set(jobs.map((job) => job?.metadata.name)).size, jobs.length)
  const { nodeSelector, tolerations } = jobs.at(-1)?.spec?.template.spec ?? {}
  assert.deepEqual({ nodeSelector, tolerations }, whereStore, 'it runs where the roles may run')
})

test('External Secrets fetches every key that pods are given of its Secret, and no other', async () => {
  const keysOf = async (...flags: string[]) => {
    const secret = (await render(flags)).find(({ kind }) => kind === 'ExternalSecret')
    return secret?.spec?.data.map(({ secretKey }: { secretKey: string }) => secretKey)
  }
  const usual = ['secret', 'staff-password', 'voucher-key.pem']
  const on = 'externalSecrets.enabled=true,externalSecrets.store.name=vault'
  assert.deepEqual(await keysOf(...values.everything), ['metrics-token', ...usual])
  assert.deepEqual(await keysOf(...values.default, '--set', on), usual)
  assert.deepEqual(await keysOf(...values.default, '--set', `${on},secrets.staffPassword.name=`), [
    'secret',
    'voucher-key.pem',
  ])
})

test('a schedule of backups has something to make them by: a plugin, or snapshots of a replica that stands still', async () => {
  const clustersOf = async (...flags: string[]) =>
    (await render(flags))
      .filter(({ kind }) => kind === 'Cluster')
      .map(({ spec }) => [spec?.backup, spec?.plugins])
  const on = 'cloudnativePg.enabled=true,cloudnativePg.backupSchedule=0 0 3 * * *'
  const snapshots = { volumeSnapshot: { online: false, className: 'fast' } }
  const flags = [...values.default, '--set', `${on},cloudnativePg.snapshotClass=fast`]
  assert.deepEqual(await clustersOf(...flags), [
    [snapshots, undefined],
    [snapshots, undefined],
  ])
  for (const [backup, plugins] of await clustersOf(...values.production))
    assert.deepEqual([backup, plugins?.length], [undefined, 1])
})

test('the network lets traces and the question for alarms out where they are switched on', async () => {
  const portsOf = async (role: string, ...flags: string[]) => {
    const all = await render([...values.default, ...flags])
    const policy = all.find(
      (each) => each.kind === 'NetworkPolicy' && each.metadata.name === `octavo-${role}`,
    )
    return policy?.spec?.egress.flatMap(({ ports }: { ports: { port: number | string }[] }) =>
      ports.map(({ port }) => port),
    )
  }
  const settings =
    'settings.OCTAVO_OTLP=http://collector:4318,settings.OCTAVO_ALERTMANAGER=http://alertmanager:9093'
  assert.deepEqual(
    (await portsOf('gateway', '--set', settings)).filter((port: number) => [4318, 9093].includes(port)),
    [9093, 4318],
  )
  const catalog = await portsOf('catalog', '--set', settings)
  assert.deepEqual([catalog.includes(4318), catalog.includes(9093)], [true, false])
  assert.ok(!(await portsOf('gateway')).some((port: number) => [4318, 9093].includes(port)))
})

test('what kubectl writes of the chart is what a fleet takes as the manifests of a version', async () => {
  const rendered = await template(values.default)
  const create = ['create', '--dry-run=client', '--output=json', '--namespace=shop', '--filename=-']
  const { code, out, err } = await cluster.kubectl(create, rendered)
  assert.equal(code, 0, err)
  const taken = manifestsIn(out) as Manifest[]
  const names = (all: Manifest[]) => all.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  assert.deepEqual(names(taken), names(documentsOf(rendered)))
})

test('a release is installed, upgraded and rolled back', async () => {
  const release = ['octavo', chart, '--namespace=shop', ...values.default]
  const images = async () => {
    const { out } = await cluster.kubectl([
      ...['get', 'deployments', '--namespace=shop', '--output'],
      'jsonpath={.items[*].spec.template.spec.containers[*].image}',
    ])
    return [...new Set(out.split(' '))].sort()
  }
  const done = async (args: string[]) => {
    const { code, err } = await cluster.helm(args)
    assert.equal(code, 0, err)
    assert.doesNotMatch(err, /warning/i)
  }
  await done(['install', ...release, '--set', 'image.tag=1.0.0'])
  assert.deepEqual(await images(), imagesOf('1.0.0'))
  await until(async () =>
    (await cluster.kubectl(['get', 'replicasets', '--namespace=shop'])).out.includes('gateway'),
  )
  await done(['upgrade', ...release, '--set', 'image.tag=1.1.0'])
  assert.deepEqual(await images(), imagesOf('1.1.0'))
  await done(['rollback', 'octavo', '1', '--namespace=shop'])
  assert.deepEqual(await images(), imagesOf('1.0.0'))
  await done(['uninstall', 'octavo', '--namespace=shop'])
})

const imagesOf = (tag: string) => [`octavo-warehouse:${tag}`, `octavo:${tag}`]

async function template(flags: readonly string[]): Promise<string> {
  const { code, out, err } = await cluster.helm(['template', 'octavo', chart, '--namespace=shop', ...flags])
  assert.equal(code, 0, err)
  return out
}

const render = async (flags: readonly string[]) => documentsOf(await template(flags))

function documentsOf(text: string): Manifest[] {
  const documents = parseAllDocuments(text)
  return documents.map((document) => document.toJS() as Manifest | null).filter((each) => each !== null)
}
