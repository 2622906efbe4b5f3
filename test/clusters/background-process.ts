import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { endWithProcess } from './end-with-process.ts'

export type BackgroundProcess = AsyncDisposable & {
  readonly pid: number
  /** Whether it still runs. */
  isRunning(): boolean
  signal(name: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL when it takes longer than `graceMs`. */
  stop(graceMs?: number): Promise<void>
  /** The end of what it wrote. */
  said(): string
}

const stopGraceMs = 5_000
const saidCharactersMax = 3_000

/** Starts a program that runs until it is stopped and writes to a file. It is ended with this process. */
export function startProcess(options: {
  command: string
  args: readonly string[]
  logPath: string
  env?: Readonly<Record<string, string>>
  cwd?: string
}): BackgroundProcess {
  const log = openSync(options.logPath, 'a')
  const child = spawn(options.command, options.args, {
    stdio: ['ignore', log, log],
    // Its own process group: Ctrl-C reaches the one who stops things in order, and nobody else.
    detached: true,
    ...(options.cwd && { cwd: options.cwd }),
    env: { PATH: process.env.PATH, ...options.env },
  })
  closeSync(log)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  void ended.then(endWithProcess(() => void kill(child, 'SIGKILL')))
  const stop = async (graceMs = stopGraceMs) => {
    kill(child, 'SIGTERM')
    kill(child, 'SIGCONT')
    const timer = setTimeout(() => kill(child, 'SIGKILL'), graceMs)
    await ended
    clearTimeout(timer)
  }
  return {
    pid: child.pid ?? 0,
    isRunning: () => isRunning(child),
    signal: (name) => void kill(child, name),
    stop,
    said: () => readFileSync(options.logPath, 'utf8').slice(-saidCharactersMax),
    [Symbol.asyncDispose]: () => stop(),
  }
}

const isRunning = (child: ChildProcess) =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null

/** A process that has ended is none to signal: its number may be another's by now. */
function kill(child: ChildProcess, signal: NodeJS.Signals): boolean {
  return isRunning(child) && child.kill(signal)
}
