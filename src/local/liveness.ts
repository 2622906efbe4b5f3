import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type OwnDoor, ownDoor } from './own-door.ts'

/** How long a process may be silent before it counts as hung. */
export type LivenessLimits = {
  probeEveryMs: number
  probeTimeoutMs: number
  /** For one that also does nothing at all: it is frozen, or waits for ever. */
  idleMs: number
  /** For one that works, or would if it were given the processor: a busy machine is no reason to end it. */
  busyMs: number
}

export const livenessLimits: LivenessLimits = {
  probeEveryMs: 1_000,
  probeTimeoutMs: 1_000,
  idleMs: 2_500,
  busyMs: 60_000,
}

/** What is known of a process, in milliseconds of one clock that never runs backwards. */
export type Signs = {
  /** When it last answered a probe. */
  answeredMs: number
  /** When it was last seen working, or waiting for the processor or the disk. */
  activeMs: number
}

/** @returns why the process counts as hung, or undefined */
export function hungBecause(signs: Signs, nowMs: number, limits: LivenessLimits): string | undefined {
  const silentMs = nowMs - signs.answeredMs
  const idleMs = nowMs - Math.max(signs.answeredMs, signs.activeMs)
  const seconds = `${(silentMs / 1000).toFixed(1)} s`
  if (idleMs > limits.idleMs) return `has not answered for ${seconds} and does nothing`
  return silentMs > limits.busyMs ? `has been too busy to answer for ${seconds}` : undefined
}

/**
 * Asks a process at `/livez` whether it lives, until disposed.
 * @param onHung told once, with the reason
 */
export function watchLiveness(
  { url, pid, limits }: { url: string; pid: number; limits: LivenessLimits },
  onHung: (reason: string) => void,
): Disposable {
  const door = ownDoor(url)
  const watching = watchSigns({ gives: () => answers(door, limits.probeTimeoutMs), pid, limits }, onHung)
  return {
    [Symbol.dispose]() {
      watching[Symbol.dispose]()
      door[Symbol.dispose]()
    },
  }
}

/**
 * Listens whether a process that starts says so over its channel again and again, until disposed: it has no address yet,
 * and may wait for a database for as long as that takes.
 * @param onHung told once, with the reason
 */
export function watchStart(
  { child, pid, limits }: { child: ChildProcess; pid: number; limits: LivenessLimits },
  onHung: (reason: string) => void,
): Disposable {
  return watchSigns({ gives: () => speaks(child, limits.probeTimeoutMs), pid, limits }, onHung)
}

/** @param watched.gives whether the process gives a sign of life before the time for it is over */
function watchSigns(
  watched: { gives: () => Promise<boolean>; pid: number; limits: LivenessLimits },
  onHung: (reason: string) => void,
): Disposable {
  const { gives, pid, limits } = watched
  const signs: Signs = { answeredMs: performance.now(), activeMs: performance.now() }
  let work = processorTime(pid)
  let lookedMs = performance.now()
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const round = async () => {
    const isAlive = await gives()
    if (isOver) return
    const nowMs = performance.now()
    // Where this process was kept from looking, the silence was its own.
    const ownPauseMs = Math.max(0, nowMs - lookedMs - limits.probeEveryMs - limits.probeTimeoutMs)
    lookedMs = nowMs
    const before = work
    work = processorTime(pid)
    signs.answeredMs = isAlive ? nowMs : signs.answeredMs + ownPauseMs
    if (isActive(before, work)) signs.activeMs = nowMs
    const reason = hungBecause(signs, nowMs, limits)
    if (reason === undefined) timer = setTimeout(round, isAlive ? limits.probeEveryMs : 0)
    else onHung(reason)
  }
  timer = setTimeout(round, limits.probeEveryMs)
  return {
    [Symbol.dispose]() {
      isOver = true
      clearTimeout(timer)
    },
  }
}

/** Whether a process says anything over its channel in time. */
function speaks(child: ChildProcess, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (hasSpoken: boolean) => {
      clearTimeout(timer)
      child.off('message', hear)
      resolve(hasSpoken)
    }
    const hear = () => end(true)
    const timer = setTimeout(end, timeoutMs, false)
    child.on('message', hear)
  })
}

export type ProcessorTime = { state: string; ticks: number } | undefined

/** Where a system does not say, a process is given the benefit of the doubt. */
export function isActive(before: ProcessorTime, now: ProcessorTime): boolean {
  if (before === undefined || now === undefined) return true
  return ['R', 'D'].includes(now.state) || now.ticks > before.ticks
}

/** Source: proc_pid_stat(5), fields 3, 14 and 15. */
export function processorTime(pid: number): ProcessorTime {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    // There is no /proc here, or the process has just ended, which others notice.
    return undefined
  }
}

/** Whether somebody answers in time, whatever the answer. */
function answers(door: OwnDoor, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = door.get('/livez', (response) => {
      response.resume()
      response.once('end', () => resolve(true))
      // That nobody answers is the answer.
      response.once('error', () => resolve(false))
    })
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs)
    // Nor here.
    request.once('error', () => resolve(false))
    request.once('close', () => clearTimeout(timer))
  })
}
