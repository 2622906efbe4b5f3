import { type ChildProcess, fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { full, unavailable } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import { logger } from '#ports/log'
import { inheritedEnvironment } from '#process/inherited-environment'
import { currentCut } from '../store/local-cut.ts'
import type { Answered, Query } from './answer-query.ts'
import type { Asked, Told } from './query-process.ts'

const log = logger('warehouse')

/** Asks the current cut in a process that is there only while it is used. */
export type QueryEngine = AsyncDisposable & {
  /**
   * @param deadlineMs when the process is ended in the middle of it
   * @returns the answer, and the moment that it shows
   * @throws Problem 503 before the first load, and when too many queries wait
   */
  ask(query: Query, deadlineMs: number): Promise<Answered & { asOf: string }>
}

const waitingMax = 16
/** The gateway gives up after 15 s: what would be answered later than that is not begun. */
const waitMaxMs = { all: 12_000, one: 4_000 }
const tooMany = 'Too many reports are waiting; try again in a moment.'
const idleMs = 60_000
/** Node's own part of it; the engine's memory is bounded by itself. */
const nodeOptions = ['--max-old-space-size=192', '--max-semi-space-size=1']

/**
 * @param name of its folder, which it has for itself
 * @param serves `all` by one process, or `one` question each, so that what a question may turn on in the engine, such as
 * its log, is gone before the next
 */
export function createQueryEngine(
  root: string,
  name: string,
  clock: Clock,
  serves: 'all' | 'one' = 'all',
): QueryEngine {
  const workFolder = join(root, name)
  let child: ChildProcess | undefined
  let idle: NodeJS.Timeout | undefined
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()
  let lastId = 0

  const end = () => {
    clearTimeout(idle)
    child?.kill('SIGKILL')
    child = undefined
  }
  const endAndTidy = async () => {
    end()
    await rm(workFolder, { recursive: true, force: true })
  }
  const started = () => {
    clearTimeout(idle)
    if (child?.connected) return child
    child = fork(join(import.meta.dirname, 'query-process.ts'), [], {
      serialization: 'advanced',
      execArgv: nodeOptions,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // The SQL of whoever asks runs there: it has no secret of the store.
      env: inheritedEnvironment(),
    })
    return child
  }
  const askNow = async (query: Query, deadlineMs: number) => {
    const cut = await currentCut(root)
    if (cut === undefined) throw unavailable('The warehouse has not been loaded yet; it will be in a minute.')
    const asOf = cut.manifest.cutAt
    const asked = started()
    try {
      const told = await once(asked, { id: ++lastId, cut, workFolder, query }, clock, deadlineMs)
      if (told === undefined || serves === 'one') await endAndTidy()
      if (told !== undefined) return { ...told.answered, asOf }
      const reason = `It took longer than ${deadlineMs / 1000} s or more memory than there is for it.`
      return { kind: 'over', reason, asOf } as const
    } finally {
      idle = setTimeout(end, idleMs)
      idle.unref()
    }
  }
  return {
    async ask(query, deadlineMs) {
      if (waiting >= waitingMax) throw full(tooMany)
      waiting++
      const askedMs = clock.monotonicMs()
      const next = turn.then(() => {
        if (clock.monotonicMs() - askedMs > waitMaxMs[serves]) throw full(tooMany)
        return askNow(query, deadlineMs)
      })
      // Whoever comes next has been told nothing of this one's failure.
      turn = next.catch((error: unknown) => log.debug('a query failed', { error }))
      return await next.finally(() => waiting--)
    },
    [Symbol.asyncDispose]: endAndTidy,
  }
}

/** @returns undefined when it has not answered in time, or has ended */
async function once(
  child: ChildProcess,
  asked: Asked,
  clock: Clock,
  deadlineMs: number,
): Promise<Told | undefined> {
  const { promise, resolve } = Promise.withResolvers<Told | undefined>()
  const enough = new AbortController()
  const hear = (told: Told) => told.id === asked.id && resolve(told)
  const ended = () => resolve(undefined)
  child.on('message', hear)
  child.once('exit', ended)
  child.send(asked)
  // Called off by the answer.
  clock.sleep(deadlineMs, enough.signal).then(ended, () => undefined)
  try {
    return await promise
  } finally {
    enough.abort()
    child.off('message', hear)
    child.off('exit', ended)
  }
}
