import { fork } from 'node:child_process'
import { join } from 'node:path'
import { type Clock, every } from '#ports/clock'
import type { Fence, Turns } from '#ports/lease'
import { logger } from '#ports/log'
import type { ObjectStore } from '#ports/object-store'
import { roleMeter } from '#ports/telemetry'
import { inheritedEnvironment } from '#process/inherited-environment'
import type { WarehouseSecrets } from '../load-warehouse.ts'
import { currentCut, isShown, showCut, tidy } from '../store/local-cut.ts'
import { type Manifest, readManifest } from '../store/manifest.ts'
import type { LoadTold, ToLoad } from './load-process.ts'

const log = logger('warehouse')

export type Loader = AsyncDisposable & {
  /** Loads at once, unless a load is under way here. */
  loadNow(): void
  /** What this instance knows of its loads. */
  state(): LoadState
}

export type LoadState = {
  /** Whether one is under way, or asked for. */
  isLoading: boolean
  /** The last one, where it failed. */
  failed: { atMs: number; problem: string } | undefined
}

export type LoaderParts = {
  secrets: WarehouseSecrets
  root: string
  objects: ObjectStore
  turns: Turns
  clock: Clock
  everyMs: number
}

/** The databases have more to do just after a start than to be read. */
const firstAfterMs = 20_000
const lookEveryMs = 10_000
/** A load that takes longer than this is ended, and the next one begins where the last published one ended. */
const loadMaxMs = 30 * 60_000
/** Of what another one has loaded: longer than a load on this machine may go on that nobody here knows of. */
const shownKeptMs = 2 * loadMaxMs
const nodeOptions = ['--max-old-space-size=512', '--max-semi-space-size=4']

/**
 * Loads the warehouse every so often while it is this instance's turn, each time in a process of its own, and shows here
 * what another one has loaded. Whoever is asked to loads out of turn: the database lets one at a time.
 */
export function startLoader({ secrets, root, objects, turns, clock, everyMs }: LoaderParts): Loader {
  const figures = createFigures(clock)
  const startedMs = clock.monotonicMs()
  let asked = false
  let isLoading = false
  let gaveUp = new AbortController()
  /** Why the last load failed, until another is shown; and why nothing could be looked at, until it can. */
  let failed: LoadState['failed']
  let away: LoadState['failed']
  let current: { fence: Fence; lost: AbortSignal } | undefined
  const interval = createInterval(clock, everyMs)
  const isDue = async () => {
    if (asked) return true
    if (clock.monotonicMs() - startedMs < Math.min(firstAfterMs, everyMs)) return false
    const manifest = await readManifest(objects)
    if (manifest === undefined) return true
    if (!isShown(await currentCut(root), manifest)) {
      await showCut(root, objects, manifest)
      await tidy(root, clock.now(), shownKeptMs)
    }
    return interval.isOver(manifest)
  }
  const round = async (stop: AbortSignal) => {
    const isDueHere = await isDue().catch((error: Error) => {
      // The object store is away: that is told once, until it is back.
      if (away === undefined) log.warn('the warehouse cannot be looked at', { problem: error.message })
      away = { atMs: clock.now(), problem: error.message }
      throw error
    })
    away = undefined
    const turn = current
    if (asked || (isDueHere && turn !== undefined)) {
      asked = false
      isLoading = true
      interval.begin()
      const until = turn === undefined ? stop : AbortSignal.any([stop, turn.lost])
      const given = { secrets, root, fence: turn?.fence }
      const problem = await loadOnce(given, until, clock, figures).finally(() => {
        isLoading = false
      })
      failed = problem === undefined ? undefined : { atMs: clock.now(), problem }
      if (problem !== undefined) gaveUp.abort()
    }
    const cut = await currentCut(root)
    if (cut === undefined) return
    figures.show(cut.manifest.cutAt, cut.manifest.disagreements.length)
    // Another instance has loaded since.
    if (failed !== undefined && Date.parse(cut.manifest.loadedAt) > failed.atMs) failed = undefined
  }
  const rounds = every(clock, lookEveryMs, round)
  const turn = turns.take('warehouse', async (fence, lost) => {
    gaveUp = new AbortController()
    current = { fence, lost }
    // Where one cannot load another may: it gets the next turn.
    await untilAborted(AbortSignal.any([lost, gaveUp.signal]))
    current = undefined
  })
  return {
    loadNow() {
      if (asked || isLoading) return
      asked = true
    },
    state: () => ({ isLoading: asked || isLoading, failed: away ?? failed }),
    async [Symbol.asyncDispose]() {
      await rounds[Symbol.asyncDispose]()
      await turn[Symbol.asyncDispose]()
      figures[Symbol.dispose]()
    },
  }
}

/**
 * When the next load is due, by this instance's own clock: the databases' may be another, and a cut from the future would
 * have none loaded until then.
 */
function createInterval(clock: Clock, everyMs: number) {
  let begunMs: number | undefined
  let last: { loadedAt: string; atMs: number } | undefined
  return {
    /** A load begins here. */
    begin() {
      begunMs = clock.monotonicMs()
    },
    isOver({ loadedAt }: Pick<Manifest, 'loadedAt'>): boolean {
      const nowMs = clock.monotonicMs()
      if (last?.loadedAt !== loadedAt) {
        // One that was loaded elsewhere, or before this instance was there, is as old as it says, within reason.
        const ageMs = Math.min(Math.max(0, clock.now() - Date.parse(loadedAt)), everyMs)
        last = { loadedAt, atMs: begunMs ?? nowMs - ageMs }
        begunMs = undefined
      }
      return nowMs - last.atMs >= everyMs
    },
  }
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** @returns why it failed, where that is not that somebody else is at it */
async function loadOnce(
  toLoad: ToLoad,
  stop: AbortSignal,
  clock: Clock,
  figures: Figures,
): Promise<string | undefined> {
  const startedMs = clock.monotonicMs()
  const told = await inProcess(toLoad, stop)
  if (told === undefined) return undefined
  if (told.kind === 'loaded') {
    const { sequence, kind, cutAt, ms, disagreements } = told.loaded
    figures.loaded(kind, ms / 1000)
    if (disagreements.length > 0) log.warn('the warehouse does not agree with its sources', { disagreements })
    else log.debug('the warehouse was loaded', { sequence, kind, cutAt, ms })
    return undefined
  }
  // Another instance is at it: what it loads will be shown here.
  const isBusy = ['DatabaseBusy', 'LostFence'].includes(told.name)
  figures.loaded(isBusy ? 'busy' : 'failed', (clock.monotonicMs() - startedMs) / 1000)
  log[isBusy ? 'debug' : 'warn']('the warehouse could not be loaded', { problem: told.message })
  return isBusy ? undefined : told.message
}

/** @returns undefined when it was told to stop */
async function inProcess(toLoad: ToLoad, stop: AbortSignal): Promise<LoadTold | undefined> {
  const child = fork(join(import.meta.dirname, 'load-process.ts'), [], {
    serialization: 'advanced',
    execArgv: nodeOptions,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: inheritedEnvironment(),
  })
  const { promise, resolve } = Promise.withResolvers<LoadTold | undefined>()
  const end = () => child.kill('SIGKILL')
  const late = setTimeout(end, loadMaxMs)
  stop.addEventListener('abort', end, { once: true })
  child.once('message', (told: LoadTold) => resolve(told))
  child.once('exit', (code, signal) => {
    const message = `its process ended (${signal ?? code})`
    resolve(stop.aborted ? undefined : { kind: 'failed', name: 'Error', message })
  })
  child.send(toLoad)
  try {
    return await promise
  } finally {
    clearTimeout(late)
    stop.removeEventListener('abort', end)
  }
}

type Figures = ReturnType<typeof createFigures>

function createFigures(clock: Clock) {
  const meter = roleMeter('warehouse')
  const loads = meter.counter('octavo_warehouse_loads_total', 'Loads of the warehouse, by how they ended.', [
    'outcome',
  ])
  const seconds = meter.histogram(
    'octavo_warehouse_load_seconds',
    'How long a load took.',
    [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600],
    ['outcome'],
  )
  let cutAtMs: number | undefined
  let disagreements = 0
  const observed = [
    meter.observed('octavo_warehouse_age_seconds', 'How old what reports show is.', [], () =>
      cutAtMs === undefined ? [] : [[Math.max(0, (clock.now() - cutAtMs) / 1000)]],
    ),
    meter.observed(
      'octavo_warehouse_disagreements',
      'What the warehouse and its sources do not agree on.',
      [],
      () => (cutAtMs === undefined ? [] : [[disagreements]]),
    ),
  ]
  return {
    loaded(outcome: string, took: number) {
      loads.add(1, outcome)
      seconds.observe(took, outcome)
    },
    show(cutAt: string, found: number) {
      cutAtMs = Date.parse(cutAt)
      disagreements = found
    },
    [Symbol.dispose]() {
      for (const each of observed) each[Symbol.dispose]()
    },
  }
}
