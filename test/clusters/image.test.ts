import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { roles } from '#roles'
import { type BuiltImage, buildImages, tagOf } from '../../deploy/image/build.ts'
import { imageNames } from '../../deploy/image/root.ts'
import { fileScope } from '../support/file-scope.ts'
import { type DatabaseServers, startDatabaseServers } from './database-servers.ts'

/** The image, built here and run by podman as a cluster would run it: not as root, on a root that is read-only. */
const megabytesMax = 250
const readyMsMax = 3_000
/** A busy machine takes longer; what it took is told. */
const readyLimitMs = 60_000
const tag = 'octavo:under-test'
const user = 65532
const scope = fileScope()
let folder = ''
let images: BuiltImage[]
let databases: DatabaseServers

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'octavo-image-test-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  images = buildImages(tag)
  databases = await startDatabaseServers(scope, folder)
  writeSecrets()
})

test('they are small, and the same bytes every time', (t) => {
  for (const { tag, bytes } of images) {
    t.diagnostic(`${tag}: ${Math.round(bytes / 1e6)} MB`)
    assert.ok(bytes <= megabytesMax * 1e6, `${tag}: ${bytes} bytes`)
  }
  assert.deepEqual(
    buildImages(tag).map(({ id }) => id),
    images.map(({ id }) => id),
  )
})

for (const name of imageNames)
  test(`${tagOf(tag, name)} says of all that is in it what it is, and has no shell, npm, database or secret`, () => {
    const image = tagOf(tag, name)
    const { out } = podman(['run', '--rm', ...restricted, '--entrypoint', node, image, '-e', lookInside])
    const { files, packages, bill } = JSON.parse(out) as Inside
    const has = (pattern: RegExp) => files.map(({ path }) => path).filter((path) => pattern.test(path))
    assert.deepEqual(has(/\/(sh|bash|npm|npx|apt|postgres|initdb)$/), [])
    assert.deepEqual(has(/\.test\.ts$|\.(pem|key|p12)$|\/\.(env|npmrc|git)(\/|$)/), [])
    const loose = files.filter(({ mode }) => (mode & 0o6000) !== 0 || (mode & 0o002) !== 0)
    assert.deepEqual(loose, [], 'nothing gives rights, and nobody may write to anything')
    const urls = bill.components.map(({ purl }) => decodeURIComponent(purl))
    const unnamed = packages.filter((each) => !urls.includes(`pkg:npm/${each}`))
    assert.deepEqual(unnamed, [], 'packages that the list of parts does not name')
    const own = { store: /typst-ts-node-compiler@/, warehouse: /@duckdb\/node-api@/ }
    for (const expected of [/^pkg:npm\/node@24/, /^pkg:npm\/fastify@/, /^pkg:deb\/debian\/libc6@/, own[name]])
      assert.ok(
        urls.some((url) => expected.test(url)),
        `${expected}`,
      )
  })

test('nothing from Debian in them is older than what Debian has mended since', (t) => {
  const known = spawnSync('apt-cache', ['policy', 'libc6'], { encoding: 'utf8' })
  if (!/Candidate: \d/.test(known.stdout ?? '')) return t.skip('apt-get update has not run on this machine')
  const parts = imageNames.flatMap((name) => {
    const read = `console.log(require('node:fs').readFileSync('/opt/octavo/sbom.cdx.json', 'utf8'))`
    const { out } = podman(['run', '--rm', ...restricted, '--entrypoint', node, tagOf(tag, name), '-e', read])
    return (JSON.parse(out) as Inside['bill']).components.map(({ purl }) => decodeURIComponent(purl))
  })
  const debs = [...new Set(parts.filter((purl) => purl.startsWith('pkg:deb/')))]
  assert.ok(debs.length > 0)
  assert.deepEqual(debs.filter(isMendedSince), [], 'upgrade these on this machine, and build again')
})

/** @param purl of a Debian package @returns whether apt knows of a later version of it */
function isMendedSince(purl: string): boolean {
  const [, name = '', version = ''] = /^pkg:deb\/debian\/([^@]+)@([^?]+)/.exec(purl) ?? []
  const { stdout } = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' })
  const newest = /Candidate: (\S+)/.exec(stdout)?.[1] ?? ''
  return spawnSync('dpkg', ['--compare-versions', version, 'lt', newest]).status === 0
}

test('a role that needs more than is in its image says which one has it', () => {
  const { code, out, err } = podman([
    'run',
    '--rm',
    ...restricted,
    ...settings('warehouse'),
    tag,
    'serve',
    'warehouse',
  ])
  assert.equal(code, 1)
  assert.match(out + err, /not in this image; run this in octavo-warehouse/)
})

test('the migration runs in it, and is done when it is done', () => {
  const first = podman(['run', '--rm', ...restricted, ...settings('migrate'), tag, 'migrate'])
  assert.equal(first.code, 0, first.err)
  const second = podman(['run', '--rm', ...restricted, ...settings('migrate'), tag, 'migrate', '--check'])
  assert.equal(second.code, 0, second.err)
  assert.match(second.out, /up to date/)
})

/** These are not ready by themselves: those they hand everything on to are not there. */
const notReadyAlone = ['gateway', 'coordinator', 'edge']
for (const { name } of roles)
  test(`${name} starts in it, answers its probes and ends when it is told to`, async (t) => {
    const container = `octavo-${name}`
    const registry = name === 'registry' ? undefined : await start(t, 'registry')
    const { url, startedMs } = await start(t, name)
    await answers(`${url}/startupz`)
    const readyMs = performance.now() - startedMs
    await answers(`${url}/livez`)
    if (!notReadyAlone.includes(name)) await answers(`${url}/readyz`)
    const { out } = podman(['inspect', '--format', '{{.State.Pid}}', container])
    const memory = /Pss:\s+(\d+)/.exec(readFileSync(`/proc/${out.trim()}/smaps_rollup`, 'utf8'))?.[1]
    t.diagnostic(
      `${name}: started in ${readyMs.toFixed(0)} ms (aim ${readyMsMax}), ${Math.round(Number(memory) / 1024)} MB`,
    )
    const stopped = podman(['stop', '--time', '20', container])
    assert.equal(stopped.code, 0, stopped.err)
    assert.equal(podman(['inspect', '--format', '{{.State.ExitCode}}', container]).out.trim(), '0')
    await registry?.stop()
  })

const node = '/usr/local/bin/node'
type Inside = {
  files: { path: string; mode: number }[]
  packages: string[]
  bill: { components: { purl: string }[] }
}
const lookInside = `
  const { lstatSync, readdirSync, readFileSync } = require('node:fs')
  const [files, packages] = [[], []]
  const walk = (at) => readdirSync(at || '/', { withFileTypes: true }).forEach((each) => {
    const path = at + '/' + each.name
    if (['/proc', '/sys', '/dev', '/tmp', '/run', '/etc/hosts', '/etc/resolv.conf'].includes(path)) return
    if (each.isDirectory()) return walk(path)
    if (!each.isSymbolicLink()) files.push({ path, mode: lstatSync(path).mode & 0o7777 })
    if (!/node_modules\\/(@[^/]+\\/)?[^/@]+\\/package.json$/.test(path)) return
    const { name, version } = JSON.parse(readFileSync(path, 'utf8'))
    packages.push(name + '@' + version)
  })
  walk('')
  const bill = JSON.parse(readFileSync('/opt/octavo/sbom.cdx.json', 'utf8'))
  console.log(JSON.stringify({ files, packages, bill }))`

const restricted = [
  ...['--network=host', '--read-only', '--cap-drop=all', '--security-opt=no-new-privileges', '--pull=never'],
  ...['--ulimit=nofile=10000:20000', '--ulimit=nproc=1000:1000'],
]

/** Ports that nobody else has in this network. */
const portOf = (name: string) =>
  name === 'registry' ? 8079 : 8100 + roles.findIndex((role) => role.name === name)

const fleets: Readonly<Record<string, string>> = {
  edge: 'static:here=http://127.0.0.1:9',
  fleet: 'kubernetes://127.0.0.1:9/octavo-fleet/store?ca=/run/octavo/authority&token=/run/octavo/secret',
}

function settings(name: string): string[] {
  const objects = join(folder, 'objects')
  const env = {
    ...{ OCTAVO_DISCOVERY: 'registry://127.0.0.1:8079', OCTAVO_DATA: '/tmp/octavo', OCTAVO_MIGRATE: 'on' },
    ...{
      OCTAVO_PORT: `${portOf(name) + (name === 'edge' ? 100 : 0)}`,
      OCTAVO_SERVICE_PORT: `${portOf(name)}`,
    },
    ...{ OCTAVO_FLEET: fleets[name] },
    ...{ OCTAVO_SECRET_FILE: '/run/octavo/secret', OCTAVO_VOUCHER_KEY_FILE: '/run/octavo/voucher-key' },
    ...{ OCTAVO_BOOK_DB_FILE: '/run/octavo/book-db', OCTAVO_ORDER_DB_FILE: '/run/octavo/order-db' },
    ...{ OCTAVO_BROKER_FILE: '/run/octavo/order-db', OCTAVO_OBJECT_STORE: 'file:///var/lib/octavo' },
  }
  return [
    ...Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : ['--env', `${name}=${value}`],
    ),
    ...['--volume', `${join(folder, 'secrets')}:/run/octavo:ro`, '--volume', `${objects}:/var/lib/octavo`],
  ]
}

function writeSecrets(): void {
  const { privateKey } = generateKeyPairSync('ed25519')
  mkdirSync(join(folder, 'secrets'))
  mkdirSync(join(folder, 'objects'))
  chmodSync(folder, 0o755)
  for (const [name, text] of Object.entries({
    authority: rootCertificates[0] ?? '',
    secret: randomBytes(24).toString('base64url'),
    'voucher-key': `${privateKey.export({ type: 'pkcs8', format: 'pem' })}`,
    'book-db': databases.bookDb,
    'order-db': databases.orderDb,
  })) {
    const path = join(folder, 'secrets', name)
    writeFileSync(path, text, { mode: 0o400 })
    chownSync(path, user, user)
  }
  chownSync(join(folder, 'objects'), user, user)
}

async function start(t: TestContext, name: string) {
  const container = `octavo-${name}`
  podman(['rm', '--force', container])
  const startedMs = performance.now()
  const image = tagOf(tag, name === 'warehouse' ? 'warehouse' : 'store')
  const args = ['run', '--name', container, ...restricted, ...settings(name), image, 'serve', name]
  const child = spawn('podman', [...engine, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: podmanEnv,
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const stop = async () => {
    podman(['rm', '--force', '--time', '1', container])
    await ended
  }
  t.after(stop)
  return { url: `http://127.0.0.1:${portOf(name)}`, startedMs, stop }
}

async function answers(url: string): Promise<void> {
  const deadline = performance.now() + readyLimitMs
  let last = ''
  while (performance.now() < deadline) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch((error: Error) => error)
    if (response instanceof Response && response.status === 200) return
    last = response instanceof Response ? `${response.status} ${await response.text()}` : response.message
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail(`${url}: ${last}`)
}

const engine = ['--cgroup-manager=cgroupfs', '--events-backend=file', '--runtime=runc']
const podmanEnv = { ...process.env, STORAGE_DRIVER: 'vfs' }

function podman(args: readonly string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync('podman', [...engine, ...args], {
    encoding: 'utf8',
    env: podmanEnv,
    timeout: 120_000,
  })
  if (done.error) throw done.error
  return { code: done.status, out: done.stdout, err: done.stderr }
}
