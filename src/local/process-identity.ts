import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process as it can be found again: a pid alone may belong to someone else by then. */
export type ProcessIdentity = { pid: number; startedAt: string }

/** The identity of a running process, or undefined when no such process runs. A zombie does not run. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  const startedAt = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt
}

/** The command line of a process, words joined by spaces; empty when it is gone. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    // There is no such process any more.
    return ''
  }
}

/**
 * Ends a process: asks with `signal`, and after `graceMs` insists with SIGKILL. A stopped process is woken first,
 * so that it can hear. Does nothing when the process is gone or its pid belongs to another one by now.
 */
export async function endProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  send(identity, signal)
  send(identity, 'SIGCONT')
  if (await gone(identity, graceMs)) return
  send(identity, 'SIGKILL')
  await gone(identity, 2000)
}

/** Waits up to `limitMs` for a process to end; true when it has. */
export async function gone(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs
  while (isRunning(identity)) {
    if (performance.now() >= deadline) return false
    await sleep(20)
  }
  return true
}

const goneLimitMs = 2_000

/**
 * Ends a process and its children at once. It is stopped first, so that it can make no other child meanwhile.
 * @returns whether none of them runs any more
 */
export async function killAll(identity: ProcessIdentity): Promise<boolean> {
  if (!isRunning(identity)) return true
  const signal = (pid: number, what: NodeJS.Signals) => {
    try {
      process.kill(pid, what)
    } catch {
      // It ended by itself between the look and the signal.
    }
  }
  signal(identity.pid, 'SIGSTOP')
  const sessions = childrenOf(identity.pid).map(identify)
  const all = [...sessions.filter((each) => each !== undefined), identity]
  for (const { pid } of all) signal(pid, 'SIGKILL')
  const ends = await Promise.all(all.map((each) => gone(each, goneLimitMs)))
  return ends.every(Boolean)
}

/** Pids of the running children of a process. */
export function childrenOf(pid: number): number[] {
  try {
    const text =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
        : execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    return text.trim().split(/\s+/).filter(Boolean).map(Number)
  } catch {
    // There is no such process any more.
    return []
  }
}

/**
 * Ends at once what runs in a folder by this name: the sessions of a server that died alone, which may be frozen and hold
 * its memory.
 * @returns whether none of it runs any more; where the system does not tell, that is supposed
 */
export async function killAllIn(folder: string, name: RegExp): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const places = existsSync(folder) ? [folder, realpathSync(folder)] : [folder, `${folder} (deleted)`]
  const found = readdirSync('/proc')
    .filter(
      (pid) =>
        /^\d+$/.test(pid) && places.includes(folderOf(pid) ?? '') && name.test(commandLine(Number(pid))),
    )
    .map((pid) => identify(Number(pid)))
    .filter((each) => each !== undefined)
  for (const each of found) send(each, 'SIGKILL')
  const ends = await Promise.all(found.map((each) => gone(each, goneLimitMs)))
  return ends.every(Boolean)
}

function folderOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // It has ended, or is somebody else's.
    return undefined
  }
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return
  try {
    process.kill(identity.pid, signal)
  } catch {
    // It ended between the look and the signal, or is not ours to end.
  }
}

function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in brackets and may hold spaces. Source: proc_pid_stat(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    // There is no such process any more.
    return undefined
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return text === '' || text.startsWith('Z') ? undefined : text.slice(text.indexOf(' ')).trim()
  } catch {
    // There is no such process any more.
    return undefined
  }
}
