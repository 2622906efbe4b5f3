import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Environment, readConfig } from '#config'
import { writePrivate } from './data-folder.ts'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'

type Noted = { supervisor: ProcessIdentity; env: Record<string, string> }

/** No store runs where a command looked for one. */
export class NoStoreError extends Error {
  override name = 'NoStoreError'
}

/** What most commands need to be told when they are to work without a running `octavo start`. */
const wholeStore = ['OCTAVO_BOOK_DB', 'OCTAVO_ORDER_DB', 'OCTAVO_SECRET', 'OCTAVO_DISCOVERY']
const isSet = (env: Environment, name: string) => Boolean(env[name] || env[`${name}_FILE`])

/**
 * The environment of the store that runs on OCTAVO_DATA, for commands beside it: `readConfig(storeEnvironment())`.
 * What the command's own environment sets wins; when that names everything needed, no running store is looked for.
 * @param variables what the command needs
 * @throws NoStoreError when none runs there
 */
export function storeEnvironment(
  own: Environment = process.env,
  variables: readonly string[] = wholeStore,
): Environment {
  if (variables.every((name) => isSet(own, name))) return own
  const { dataPath } = readConfig(own)
  const noted = read(dataPath)
  if (!noted || !isRunning(noted.supervisor))
    throw new NoStoreError(
      `no store runs on ${dataPath}; start one with npm start, or set OCTAVO_DATA to the folder of the one that runs`,
    )
  const set = Object.entries(own).filter(([, value]) => value !== undefined && value !== '')
  // A secret is given by its value or by a file; the command's own way of giving it replaces the store's.
  const kept = Object.entries(noted.env).filter(([name]) => !isSet(own, name.replace(/_FILE$/, '')))
  return { ...Object.fromEntries(kept), ...Object.fromEntries(set) }
}

/** Lets commands find the running store. No secret is in it, only the files that hold them. */
export function noteEnvironment(dataPath: string, env: Record<string, string>): void {
  const supervisor = identify(process.pid) ?? { pid: process.pid, startedAt: '' }
  writePrivate(file(dataPath), JSON.stringify({ supervisor, env } satisfies Noted, null, 2))
}

export function forgetEnvironment(dataPath: string): void {
  rmSync(file(dataPath), { force: true })
  const run = join(dataPath, 'run')
  for (const name of readdirSync(run)) if (name.startsWith('given-')) rmSync(join(run, name), { force: true })
}

function read(dataPath: string): Noted | undefined {
  try {
    return JSON.parse(readFileSync(file(dataPath), 'utf8')) as Noted
  } catch {
    // No store has started there, or it has just stopped: nothing is known either way.
    return undefined
  }
}

function file(dataPath: string): string {
  return join(dataPath, 'run', 'environment.json')
}
