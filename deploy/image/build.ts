// npm run image [-- --tag NAME]: builds the image from this checkout with buildah, the same bytes every time.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '#config'
import { makeRoot } from './root.ts'

const repository = join(import.meta.dirname, '..', '..')
/** What works without a container engine of its own, and as root in a container as well. */
const buildah = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' }

export type BuiltImage = { tag: string; id: string; bytes: number }

/**
 * Builds it, with the time of the last commit as that of everything in it.
 * @throws Error when buildah is missing or fails; what it said is in the message
 */
export function buildImage(tag: string): BuiltImage {
  const context = mkdtempSync(join(tmpdir(), 'octavo-image-'))
  const run = (args: readonly string[]) =>
    execFileSync('buildah', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...buildah },
    }).trim()
  try {
    const seconds = lastCommitSeconds()
    makeRoot(join(context, 'root'), seconds)
    run([
      ...[
        'build',
        '--quiet',
        '--timestamp',
        `${seconds}`,
        '--file',
        join(import.meta.dirname, 'Containerfile'),
      ],
      ...[
        '--label',
        `org.opencontainers.image.version=${version}`,
        '--label',
        'org.opencontainers.image.title=octavo',
      ],
      ...['--label', 'org.opencontainers.image.licenses=Apache-2.0', '--tag', tag, context],
    ])
    const about = run(['inspect', '--type', 'image', '--format', '{{.FromImageID}}', tag])
    const bytes = Number(run(['images', '--format', '{{.Size}}', '--json', tag]) && sizeOf(run, tag))
    return { tag, id: about, bytes }
  } finally {
    rmSync(context, { recursive: true, force: true })
  }
}

function sizeOf(run: (args: readonly string[]) => string, tag: string): number {
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
  const { tag, id, bytes } = buildImage(values.tag)
  console.log(`${tag} ${id.slice(0, 12)}, ${Math.round(bytes / 1e6)} MB`)
  return 0
}
