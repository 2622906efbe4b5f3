import { type ChildProcess, spawn } from 'node:child_process'
import { backoffMs } from '#kernel/backoff'
import { type LivenessLimits, watchLiveness, watchStart } from './liveness.ts'
import { eachLine, type Log } from './log.ts'
import { endProcess, identify, type ProcessIdentity } from './process-identity.ts'

/** Something that is kept running until it is stopped. */
export type Supervised = {
  readonly name: string
  /** The process that runs now, or undefined between two. */
  readonly process: ProcessIdentity | undefined
  /** Asks it to end, insists with SIGKILL after `graceMs`, and starts it no more. Never throws. */
  stop(graceMs: number): Promise<void>
}

export type RoleOptions = {
  name: string
  /** Arguments for Node: a script and its arguments. */
  command: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  log: Log
  /** Called whenever its process changes. */
  onChange: () => void
  /** How long it may be silent, while it starts and when it serves, before it is replaced; without it that is for ever. */
  liveness?: LivenessLimits
}

/** What a role says over its channel: every half second while it starts, and when it has opened its door. */
type Says = { kind: 'starts' } | { kind: 'serves'; role: string; url: string }

/** A process that served or ran this long was well, whatever ended it: the next restart is quick again. */
const wellAfterMs = { serving: 2_000, running: 10_000 }
const restartMsMin = 100
const restartMsMax = 10_000

/** Runs a role as a process of its own and starts it again whenever it ends, or hangs. */
export function superviseRole(options: RoleOptions): Supervised {
  const { name, log, onChange } = options
  let running: { child: ChildProcess; identity: ProcessIdentity | undefined } | undefined
  let restarting: NodeJS.Timeout | undefined
  let stopped = false
  let failures = 0

  const run = () => {
    const startedMs = performance.now()
    const child = launch(options)
    let servesSinceMs = Number.POSITIVE_INFINITY
    child.on('message', (message: Says) => {
      if (message?.kind === 'serves') servesSinceMs = Math.min(servesSinceMs, performance.now())
    })
    running = { child, identity: identify(child.pid ?? 0) }
    onChange()
    eachLine(child.stdout, (line) => log.line(name, line))
    eachLine(child.stderr, (line) => log.line(name, line))
    const watching = watch(child, options)
    let ended = false
    const end = (reason: string) => {
      if (ended) return
      ended = true
      watching[Symbol.dispose]()
      running = undefined
      if (!stopped) onChange()
      if (stopped) return
      const nowMs = performance.now()
      failures = failuresAfter(failures, { servedMs: nowMs - servesSinceMs, ranMs: nowMs - startedMs })
      const waitMs = restartWaitMs(failures, Math.random())
      log.line(name, `ended (${reason}); it starts again in ${(waitMs / 1000).toFixed(1)} s`)
      restarting = setTimeout(run, waitMs)
    }
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
  }
  run()

  return {
    name,
    get process() {
      return running?.identity
    },
    async stop(graceMs) {
      stopped = true
      clearTimeout(restarting)
      if (!running) return
      const { child, identity } = running
      if (identity) await endProcess(identity, 'SIGTERM', graceMs)
      else child.kill('SIGKILL')
    },
  }
}

/** Ends a process that hangs: it is listened to while it starts, and asked from when it says where. */
function watch(child: ChildProcess, { name, log, liveness }: RoleOptions): Disposable {
  const watched = new DisposableStack()
  const { pid } = child
  if (liveness === undefined || pid === undefined) return watched
  const replace = (reason: string) => {
    log.line(name, `${reason}; it is ended and started again`)
    child.kill('SIGKILL')
  }
  const starting = watched.use(watchStart({ child, pid, limits: liveness }, replace))
  child.on('message', (message: Says) => {
    if (message?.kind !== 'serves' || watched.disposed) return
    starting[Symbol.dispose]()
    watched.use(watchLiveness({ url: message.url, pid, limits: liveness }, replace))
  })
  return watched
}

/** Of a process in a row. @param last how long the last one served, below 0 where it did not say so, and ran */
export const failuresAfter = (failures: number, last: { servedMs: number; ranMs: number }): number =>
  last.servedMs > wellAfterMs.serving || last.ranMs > wellAfterMs.running ? 0 : failures + 1

/** The wait before a restart: 0.1–0.2 s at first, doubling up to 5–10 s for what keeps failing. */
export function restartWaitMs(failures: number, random: number): number {
  // Never a very short wait by chance: what fails at once would take a core for itself.
  return backoffMs(failures, 0.5 + random / 2, restartMsMin, restartMsMax)
}

function launch({ command, env }: RoleOptions): ChildProcess {
  // Its own process group, so that Ctrl-C reaches the supervisor alone; and a channel whose end tells it that its
  // supervisor has gone, however it went.
  return spawn(process.execPath, [...command], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...env },
  })
}
