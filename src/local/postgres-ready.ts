import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isActive, type ProcessorTime, processorTime } from './liveness.ts'
import { PostgresUnavailable } from './postgres-binaries.ts'
import { childrenOf } from './process-identity.ts'

const readyLimitMs = 60_000
/** One that is frozen while it starts is started again; a busy machine or a slow disk is no reason. */
const idleLimitMs = 5_000
const lookEveryMs = 250

/**
 * Waits until a server that starts takes connections.
 * @throws PostgresUnavailable when it ends, does nothing at all for a while, or takes too long
 */
export async function ready(
  cluster: string,
  child: ChildProcess,
  ended: Promise<string>,
  output: () => string,
  signal?: AbortSignal,
) {
  const deadline = performance.now() + readyLimitMs
  let idleSinceMs = performance.now()
  let lookMs = idleSinceMs + lookEveryMs
  let work: { pid: number; time: ProcessorTime }[] = []
  let reason: string | undefined
  ended.then((why) => {
    reason = why
  })
  for (;;) {
    if (reason !== undefined)
      throw new PostgresUnavailable(`PostgreSQL in ${cluster} ended (${reason}): ${output()}`)
    if (signal?.aborted) throw new PostgresUnavailable('the start was given up')
    if (performance.now() > deadline)
      throw new PostgresUnavailable(
        `PostgreSQL in ${cluster} was not ready in ${readyLimitMs} ms: ${output()}`,
      )
    if (statusOf(cluster, child.pid) === 'ready') return
    if (performance.now() > lookMs) {
      lookMs = performance.now() + lookEveryMs
      const before = work
      work = [child.pid ?? 0, ...childrenOf(child.pid ?? 0)].map((pid) => ({ pid, time: processorTime(pid) }))
      // A session that is new has been made by one that works.
      const isWorking = work.some(({ pid, time }) =>
        isActive(before.find((each) => each.pid === pid)?.time, time),
      )
      if (isWorking) idleSinceMs = performance.now()
      if (performance.now() - idleSinceMs > idleLimitMs)
        throw new PostgresUnavailable(`PostgreSQL in ${cluster} does nothing while it starts: ${output()}`)
    }
    await sleep(15)
  }
}

/** The eighth line of postmaster.pid says whether the server takes connections. Source: PostgreSQL's pidfile.h. */
function statusOf(cluster: string, pid: number | undefined): string | undefined {
  try {
    const lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')
    return Number(lines[0]) === pid ? lines[7]?.trim() : undefined
  } catch {
    // It has not written the file yet.
    return undefined
  }
}
