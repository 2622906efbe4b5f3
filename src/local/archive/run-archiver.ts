import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from '#kernel/backoff'
import { ObjectStoreFull } from '#ports/object-store'
import { openPrimary } from '../backup/base.ts'
import { noteProblem } from './archive-state.ts'
import { type Archiver, type ArchiverOptions, ArchiveTaken, openArchiver } from './archiver.ts'

const roundEveryMs = 1_000
const retryBaseMs = 1_000
const retryMaxMs = 30_000

/** A file by which a base is asked for. */
export const baseRequest = (dataPath: string) => join(dataPath, 'run', 'base-wanted')

/**
 * Keeps the archive until it is stopped, and once more then. Whatever is wrong with its place is said and tried again;
 * the store does not wait for it.
 */
export async function runArchiver(options: ArchiverOptions, stop: AbortSignal): Promise<void> {
  const { say, source } = options
  const request = baseRequest(source.dataPath)
  let archiver: Archiver | undefined
  let failures = 0
  const round = async () => {
    try {
      archiver ??= await openArchiver(options)
      const isAsked = existsSync(request)
      if (isAsked) archiver.wantBase()
      await archiver.round()
      if (isAsked) rmSync(request, { force: true })
      if (failures > 0) say('the archive is kept again')
      failures = 0
    } catch (error) {
      // It may stand anywhere now, and finds its place again when it is opened.
      await archiver?.[Symbol.asyncDispose]()
      archiver = undefined
      if (error instanceof ArchiveTaken) throw error
      const problem = error as Error
      if (failures++ === 0)
        say(
          problem instanceof ObjectStoreFull
            ? 'the archive is full; the store goes on selling, and its log waits for room'
            : 'the archive cannot be kept; the store goes on selling, and its log waits',
          problem,
        )
      await tellDatabases(options, problem.message)
    }
  }
  while (!stop.aborted) {
    await round()
    const waitMs =
      failures === 0 ? roundEveryMs : backoffMs(failures, 0.5 + Math.random() / 2, retryBaseMs, retryMaxMs)
    // Ended early by the stop.
    await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined)
  }
  await round()
  await archiver?.[Symbol.asyncDispose]()
}

/** So that whoever asks a database of its archive hears of it. One that is away says enough by that. */
async function tellDatabases({ source }: ArchiverOptions, problem: string): Promise<void> {
  for (const [name, url] of Object.entries(source.urls))
    try {
      const { client } = await openPrimary(source.dataPath, name, url)
      await noteProblem(client, problem).finally(() => client.end())
    } catch {
      // Nobody is told there; the log says it.
    }
}
