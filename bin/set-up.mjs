// What the steps of setting up share: paths, running programs, stamps that say a step is done, one lock.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const octavoNode = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
)

const lockPath = join(root, 'dist', '.set-up')
const lockLimitMs = 15 * 60_000
const outputLinesMax = 40

/** A step failed in a way that a person can mend; the message says how. */
export class SetUpError extends Error {}

export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url)
}

export function say(text) {
  process.stdout.write(`${text}\n`)
}

/** Runs a program quietly; its output is shown when it fails. @throws SetUpError */
export function run(what, command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    const lines = []
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        lines.push(...text.split('\n'))
        // The first lines say what is wrong, the last ones where it ended.
        if (lines.length > outputLinesMax)
          lines.splice(outputLinesMax / 2, lines.length - outputLinesMax, '…')
      })
    child.once('error', (error) => reject(new SetUpError(`${what} failed: ${error.message}`)))
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else
        reject(
          new SetUpError(
            `${what} failed (${signal ?? `exit code ${code}`}):\n${stripVTControlCharacters(lines.join('\n')).trim()}`,
          ),
        )
    })
  })
}

/** The caller's environment without the programs of node_modules, for steps that replace them. */
export function systemEnvironment() {
  const outside = (folder) => !folder.includes(`${join(root, 'node_modules')}`)
  return { ...process.env, PATH: (process.env.PATH ?? '').split(delimiter).filter(outside).join(delimiter) }
}

/** A fingerprint of files and of all files in folders; what is not there counts as empty. */
export function fingerprint(paths) {
  const hash = createHash('sha256')
  const add = (path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false })
    if (stat?.isDirectory()) for (const name of readdirSync(join(root, path)).sort()) add(`${path}/${name}`)
    else if (stat) hash.update(`${path}\0${stat.size}\0`).update(readFileSync(join(root, path)))
  }
  for (const path of paths) add(path)
  return hash.digest('hex')
}

export function readStamp(path) {
  try {
    return readFileSync(join(root, path), 'utf8').trim()
  } catch {
    return ''
  }
}

export function writeStamp(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), `${text}\n`)
}

/** Two commands typed at once in a fresh clone set it up one after the other. */
export async function withSetUpLock(work) {
  const deadline = Date.now() + lockLimitMs
  for (let saidSo = false; !takeLock(); saidSo = true) {
    if (!saidSo) say('Waiting for another command that sets this checkout up …')
    if (Date.now() > deadline)
      throw new SetUpError(`another set-up did not finish; if none runs, remove ${lockPath}`)
    await sleep(200)
  }
  const release = () => rmSync(lockPath, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

function takeLock() {
  try {
    mkdirSync(dirname(lockPath), { recursive: true })
    writeFileSync(lockPath, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST')
      throw new SetUpError(`cannot write to ${dirname(lockPath)}: ${error.message}`)
    if (!isAlive(lockPath)) rmSync(lockPath, { force: true })
    return false
  }
}

function isAlive(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    // An empty file is a lock that is just being written.
    if (pid === 0) return Date.now() - statSync(path).mtimeMs < 5000
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
