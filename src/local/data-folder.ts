import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { secretVariables } from '#config'
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts'

/** The store cannot start, in words for the person who tried. */
export class StartError extends Error {
  override name = 'StartError'
}

const megabyte = 1024 * 1024
/** Two new database servers take about 600 MB once their logs have grown to their usual size. */
const firstStartBytesMin = 700 * megabyte
const laterStartBytesMin = 64 * megabyte

/**
 * Makes the data folder and checks that it can be written to.
 * @throws StartError when it cannot, or when the disk is full
 */
export function openDataFolder(path: string, bytesLeft: (path: string) => number = diskBytesLeft): void {
  const isFirst = isFirstStart(path)
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    for (const folder of ['run', 'secrets']) mkdirSync(join(path, folder), { recursive: true, mode: 0o700 })
    const probe = join(path, 'run', `probe-${process.pid}`)
    writeFileSync(probe, randomBytes(64 * 1024))
    rmSync(probe)
  } catch (cause) {
    throw new StartError(
      `cannot write to the data folder ${path}: ${reason(cause)}; OCTAVO_DATA names another`,
      {
        cause,
      },
    )
  }
  const needed = isFirst ? firstStartBytesMin : laterStartBytesMin
  const left = bytesLeft(path)
  if (left < needed) {
    const [leftMb, neededMb] = [left, needed].map((bytes) => Math.floor(bytes / megabyte))
    throw new StartError(
      `the disk of the data folder ${path} is full: ${leftMb} MB are left and ${neededMb} MB needed; ` +
        'OCTAVO_DATA names another folder',
    )
  }
}

/** No start has got so far as to make the store's secrets. */
export function isFirstStart(dataPath: string): boolean {
  return !hasSecret(dataPath, 'secret')
}

export function hasSecret(dataPath: string, name: string): boolean {
  return existsSync(join(dataPath, 'secrets', name))
}

/**
 * Reads a secret of the store, or makes it at first use; only this user can read the file.
 * @throws StartError when the file is empty: what was made with the lost secret would not fit a new one
 */
export function secretFile(
  dataPath: string,
  name: string,
  make: () => string = randomSecret,
): { path: string; value: string; isNew: boolean } {
  const path = join(dataPath, 'secrets', name)
  if (existsSync(path)) {
    const kept = readFileSync(path, 'utf8').trimEnd()
    if (kept !== '') return { path, value: kept, isNew: false }
    throw new StartError(
      `the secret in ${path} is lost: the file is empty; put it back from a backup, ` +
        `or remove ${dataPath} if this store has never been open`,
    )
  }
  const value = make().trimEnd()
  writePrivate(path, `${value}\n`, { flush: true })
  return { path, value, isNew: true }
}

/** Keeps a secret that is made anew at each start; only this user can read the file. @returns its path */
export function noteSecret(dataPath: string, name: string, value: string): string {
  const path = join(dataPath, 'secrets', name)
  writePrivate(path, `${value}\n`)
  return path
}

/**
 * Settings as they may be written down: a secret that was given by its value goes into a file of its own, which only
 * this user can read and which goes when the store stops.
 */
export function keepGiven(
  dataPath: string,
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  const noted = Object.entries(secrets).map(([variable, value]): [string, string] => {
    // The one variable that has always named a file.
    if (variable.endsWith('_FILE') || variable === secretVariables.voucherKey) return [variable, value]
    const path = join(dataPath, 'run', `given-${variable.toLowerCase()}`)
    writePrivate(path, `${value}\n`)
    return [`${variable}_FILE`, path]
  })
  return Object.fromEntries(noted)
}

/** A new Ed25519 private key, as PEM. Source: RFC 8410. */
export function makeVoucherKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** A password people can type: 16 characters that look like no others, about 79 bits. */
export function makePassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
  const characters: string[] = []
  while (characters.length < 16) {
    // Bytes past the last whole run of the alphabet would make its first letters likelier.
    const byte = randomBytes(1)[0] ?? 0
    if (byte < 256 - (256 % alphabet.length)) characters.push(alphabet[byte % alphabet.length] ?? '')
  }
  return characters.join('').replace(/.{4}(?=.)/g, '$&-')
}

/**
 * Writes a file that only this user can read, whole or not at all.
 * @param flush whether that has to hold over a power cut too
 */
export function writePrivate(path: string, text: string, { flush } = { flush: false }): void {
  const aside = `${path}.${process.pid}.tmp`
  writeFileSync(aside, text, { mode: 0o600, flush })
  chmodSync(aside, 0o600)
  renameSync(aside, path)
  if (flush) flushFolder(dirname(path))
}

/** Makes the names in a folder last, as flushing a file makes its content. */
function flushFolder(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/** Who holds a data folder, and the processes it has started. */
export type RunRecord = {
  supervisor: ProcessIdentity
  children: { name: string; process: ProcessIdentity }[]
}

/**
 * Takes the data folder for this process. What an earlier, killed holder left on record comes back in `leftOver`.
 * @throws StartError when another process that runs holds it
 */
export function holdDataFolder(dataPath: string) {
  const path = join(dataPath, 'run', 'supervisor.json')
  const supervisor = identify(process.pid) ?? { pid: process.pid, startedAt: '' }
  const mine = `${path}.${process.pid}`
  writePrivate(mine, JSON.stringify({ supervisor, children: [] }))
  let leftOver: RunRecord['children'] = []
  try {
    for (let attempt = 0; !tryLink(mine, path); attempt++) {
      const held = readRecord(path)
      if ((held && isRunning(held.supervisor)) || attempt > 10)
        throw new StartError(
          `Octavo already runs on ${dataPath} (process ${held?.supervisor.pid}); ` +
            'stop it first, or set OCTAVO_DATA to another folder and OCTAVO_PORT to another port',
        )
      leftOver = takenOver(path, `${mine}.old`) ?? leftOver
    }
  } finally {
    rmSync(mine, { force: true })
  }
  return {
    leftOver,
    record: (children: RunRecord['children']) =>
      writePrivate(path, JSON.stringify({ supervisor, children }, null, 2)),
    release: () => rmSync(path, { force: true }),
  }
}

/**
 * Takes a record that is left over out of the way. Of two that find it at once, one may have put its own in its place by
 * now: that one stays. @returns the processes that are left over
 */
function takenOver(path: string, aside: string): RunRecord['children'] | undefined {
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const taken = readRecord(aside)
  const isHeld = taken !== undefined && isRunning(taken.supervisor)
  if (isHeld) tryLink(aside, path)
  rmSync(aside, { force: true })
  return isHeld ? undefined : (taken?.children ?? [])
}

function tryLink(from: string, to: string): boolean {
  try {
    // Of two that start at once, one link succeeds: the file appears whole, with its holder's name in it.
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function readRecord(path: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as RunRecord
  } catch {
    // Nobody has written one, or was killed while doing so: nobody holds the folder.
    return undefined
  }
}

function diskBytesLeft(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const words: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space is left on the disk',
    EDQUOT: 'the disk quota is used up',
    ENOTDIR: 'a part of the path is a file',
  }
  return words[code ?? ''] ?? message
}
