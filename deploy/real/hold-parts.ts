import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { identify, isRunning, type ProcessIdentity } from '../../src/local/process-identity.ts'
import { endLeftBehind } from './left-behind.ts'
import { type RealParts, startRealParts } from './parts.ts'

/** What this process tells whoever started it. */
export type PartsReport =
  | { kind: 'started'; env: RealParts['env']; addresses: RealParts['addresses'] }
  | { kind: 'failed'; error: string }

/**
 * `node hold-parts.ts FOLDER`: keeps the parts of a store for as long as whoever started it holds the channel, however that
 * ends. It has a process group of its own, so that Ctrl-C does not end the parts before the store that works on them.
 */
async function hold(folder: string): Promise<void> {
  const ends: (() => unknown)[] = []
  let ending: Promise<void> | undefined
  const endAll = async () => {
    for (const end of ends.toReversed()) await end()
    process.exit(0)
  }
  const end = () => {
    ending ??= endAll()
  }
  process.once('disconnect', end)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  const tell = (report: PartsReport) => process.send?.(report)
  try {
    mkdirSync(folder, { recursive: true })
    ends.push(claim(folder))
    await endLeftBehind(folder)
    // Whatever starts after the end was asked for has to end as well.
    const after = (work: () => unknown) => void (ending === undefined ? ends.push(work) : work())
    const { env, addresses } = await startRealParts({ after }, folder)
    tell({ kind: 'started', env, addresses })
  } catch (error) {
    tell({ kind: 'failed', error: error instanceof Error ? error.message : String(error) })
  }
}

/** Two servers on the files of one would spoil them. @returns gives the folder up */
function claim(folder: string): () => void {
  const path = join(folder, 'held.json')
  const holder = read(path)
  if (holder !== undefined && isRunning(holder))
    throw new Error(`they run already on ${folder} (process ${holder.pid})`)
  writeFileSync(path, JSON.stringify(identify(process.pid)))
  return () => rmSync(path, { force: true })
}

function read(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity
  } catch {
    // Nobody has held it, or was cut off while it was written.
    return undefined
  }
}

await hold(process.argv[2] ?? '')
