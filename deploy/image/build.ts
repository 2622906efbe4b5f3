// npm run image [-- --tag NAME]: builds the images from this checkout with buildah, the same bytes every time.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '#config'
import { type ImageName, imageNames, makeRoots } from './root.ts'

const repository = join(import.meta.dirname, '..', '..')
/** What works without a container engine of its own, and as root in a container as well. */
const buildah = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' }

export type BuiltImage = { name: ImageName; tag: string; id: string; bytes: number }

/** The name of an image beside that of the store: `octavo:1.0.0` has `octavo-warehouse:1.0.0`. */
export function tagOf(tag: string, name: ImageName): string {
  return name === 'store' ? tag : tag.replace(/(?=:[^:/]*$)|(?<!:[^:/]*)$/, `-${name}`)
}

/**
 * Builds the images of all roles, with the time of the last commit as that of everything in them.
 * @throws Error when buildah is missing or fails; what it said is in the message
 */
export function buildImages(tag: string): BuiltImage[] {
  const context = mkdtempSync(join(tmpdir(), 'octavo-image-'))
  const run = (args: readonly string[]) =>
    execFileSync('buildah', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...buildah },
    }).trim()
  try {
    const seconds = lastCommitSeconds()
    makeRoots(context, seconds)
    return imageNames.map((name) => buildOne(run, { name, tag: tagOf(tag, name), seconds, context }))
  } finally {
    rmSync(context, { recursive: true, force: true })
  }
}

type Run = (args: readonly string[]) => string
type Building = { name: ImageName; tag: string; seconds: number; context: string }

function buildOne(run: Run, { name, tag, seconds, context }: Building): BuiltImage {
  const labels = {
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.title': tagOf('octavo', name),
    'org.opencontainers.image.licenses': 'Apache-2.0',
  }
  run([
    ...['build', '--quiet', '--no-cache', '--timestamp', `${seconds}`, '--target', name],
    ...['--file', join(import.meta.dirname, 'Containerfile')],
    ...Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
    ...['--tag', tag, context],
  ])
  const id = run(['inspect', '--type', 'image', '--format', '{{.FromImageID}}', tag])
  return { name, tag, id, bytes: sizeOf(run, tag) }
}

function sizeOf(run: Run, tag: string): number {
  const root = run(['from', '--pull-never', tag])
  try {
    const mounted = run(['mount', root])
    return Number(execFileSync('du', ['-sb', mounted], { encoding: 'utf8' }).split('\t')[0])
  } finally {
    run(['rm', root])
  }
}

function lastCommitSeconds(): number {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) return Number(given)
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: repository, encoding: 'utf8' }))
}

/** @returns the exit code */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { tag: { type: 'string', default: `octavo:${version}` } } })
  for (const { tag, id, bytes } of buildImages(values.tag))
    console.log(`${tag} ${id.slice(0, 12)}, ${Math.round(bytes / 1e6)} MB`)
  return 0
}
