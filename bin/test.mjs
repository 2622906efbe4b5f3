// npm test [-- FILE-OR-FOLDER …]: every *.test.ts but those of the real parts and of clusters, which have commands of their
// own. Those that start whole stores or drive a browser are in a lane of their own, so that there are never more than a few
// such stores at once: they mostly wait, and the others take what they leave of the cores. The slowest go first, so that
// nobody waits for one of them in the end.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { run as runTests } from 'node:test'
import { spec } from 'node:test/reporters'
import { pathToFileURL } from 'node:url'
import { buildPages } from './build-pages.mjs'
import { findChromium } from './find-chromium.mjs'
import { root, SetUpError, withSetUpLock } from './set-up.mjs'

const folders = ['src', 'web', 'test', 'bench', 'deploy']
/** These start a dozen processes each: of them no more run at once than there are cores. */
const wholeStores = ['test/api', 'test/databases', 'test/faults', 'test/journeys']
/** What is not of `npm test`: it needs a Kubernetes control plane, whose addresses it shares, so that one runs at a time. */
const ofClusters = 'test/clusters/'
/** Nor are whole stores on servers of others, which wait for their failovers and alarms for minutes. */
const ofParts = [
  ...['test/databases/', 'test/faults/real-parts', 'test/faults/seen', 'test/faults/moves'],
  'test/journeys/real-parts',
]
const cores = Math.max(2, availableParallelism())
const testLimitMs = 5 * 60_000
/** Those of the real parts wait for them to fail over, one fault after the other. */
const partsLimitMs = 12 * 60_000
/** A file has many tests: one that is in this long has stopped. */
const fileLimits = 2
/** How long each file took the last time it ran here. */
const timesPath = join(root, 'dist', '.test-times.json')
/** Where no file has run yet: the slowest first. */
const knownSlow = [
  ...['test/faults/start-stop', 'test/api/', 'test/faults/', 'test/journeys/', 'test/databases/'],
  ...['test/simulation/two-phase-commit', 'src/local/archive/', 'src/local/replicas/', 'test/warehouse/'],
  ...['test/simulation/', 'test/transactions/', 'src/services/catalog/store/', 'src/ports/', 'src/local/'],
]
const shownSlowest = 10
/** So many files may fail beside others and pass alone. */
const unsteadyMax = 5
const neverUnsteady = ['test/simulation/', 'test/transactions/', 'test/warehouse/']

/**
 * @param args files and folders; `--parts` is for those of the real parts; `--book-db` see below
 * @param given `limitMs`: what one test may take, and a file twice that, where it is not as usual
 * @returns 0 when there were tests and all of them pass
 */
export async function main(args, given = {}) {
  const files = select(takeBookDb(args))
  const limitMs = given.limitMs ?? (files.some(isOfParts) ? partsLimitMs : testLimitMs)
  const isIn = (places) => (file) => places.some((place) => file.startsWith(place))
  if (files.some(isIn(['test/journeys']))) process.env.CHROMIUM = await findChromium()
  if (files.some(isIn([...wholeStores, ofClusters]))) await withSetUpLock(() => buildPages())
  process.env.NODE_ENV = 'test'
  process.env.OCTAVO_TEST_FILE_LIMIT_MS = String(fileLimits * limitMs)
  const times = readTimes()
  const ordered = slowestFirst(files, times)
  const [own, stores] = [ordered.filter(isIn([ofClusters])), ordered.filter(isIn(wholeStores))]
  const others = ordered.filter((file) => !own.includes(file) && !stores.includes(file))
  const lanes = [
    { files: others, concurrency: cores },
    { files: stores, concurrency: cores },
    { files: own, concurrency: 1 },
  ].filter((lane) => lane.files.length > 0)
  const { holdTestServer } = await import('../test/support/database.ts')
  const release = process.env.OCTAVO_TEST_POSTGRES ? () => {} : await holdTestServer()
  const { passed, failed, taken } = await run(lanes, limitMs)
  showSlowest(taken)
  writeTimes({ ...times, ...Object.fromEntries(taken) })
  const passedAlone = !passed && process.env.CI !== undefined && (await passAlone(failed, limitMs))
  release()
  return passed || passedAlone ? 0 : 1
}

/** @returns whether there were tests and all pass; the files that do not; how long each took, in ms */
async function run(lanes, limitMs) {
  const totals = new Map()
  const seen = { taken: new Map(), failed: new Set() }
  const report = Readable.from(events({ lanes, limitMs }, totals, seen)).compose(new spec())
  for await (const text of report) process.stdout.write(text)
  const count = (name) => totals.get(name) ?? 0
  return { ...seen, passed: count('tests') > 0 && count('fail') + count('cancelled') === 0 }
}

/**
 * For a machine where nobody sits that could look: a few files that fail beside others are run once more by themselves. What
 * passes then is unsteady, and named as such, for somebody to mend. What checks invariants has failed when it failed once.
 * @returns whether all of them pass
 */
async function passAlone(failed, limitMs) {
  const files = [...failed]
  if (files.length === 0 || files.length > unsteadyMax) return false
  if (files.some((file) => neverUnsteady.some((place) => file.startsWith(place)))) return false
  process.stdout.write(`\nOnce more, by themselves: ${files.join(', ')}\n\n`)
  const { passed } = await run([{ files, concurrency: 1 }], limitMs)
  if (passed)
    process.stdout.write(`\nUNSTEADY: failed beside others, and passed alone: ${files.join(', ')}\n`)
  return passed
}

/** `--book-db mariadb` runs what does not care which server BookDb is on there. @returns the other arguments */
function takeBookDb(args) {
  const at = args.indexOf('--book-db')
  if (at < 0) return args
  const kind = args[at + 1] ?? ''
  if (!['postgres', 'mariadb'].includes(kind)) throw new SetUpError('--book-db takes postgres or mariadb')
  process.env.OCTAVO_TEST_BOOK_DB = kind
  return args.toSpliced(at, 2)
}

/**
 * The events of all lanes as one run: their closing figures are added up and come once, at the end.
 * @param seen learns how long each file took, in ms, and which have failed
 */
async function* events({ lanes, limitMs }, totals, { taken, failed }) {
  const startedMs = performance.now()
  for await (const event of merged(lanes.map((lane) => eventsOfLane(lane, limitMs)))) {
    // A file's own summary says how long its process ran.
    if (event.type === 'test:summary' && event.data.file !== undefined) {
      taken.set(relative(root, event.data.file), Math.round(event.data.duration_ms))
      if (!event.data.success) failed.add(relative(root, event.data.file))
    }
    // One that was ended or has crashed has no summary. A test may also stand in another file than the one that was run.
    if (event.type === 'test:fail' && event.data.nesting === 0 && event.data.file?.endsWith('.test.ts'))
      failed.add(relative(root, event.data.file))
    const figure = event.type === 'test:diagnostic' && event.data.nesting === 0 && readFigure(event.data)
    if (figure) totals.set(figure.name, (totals.get(figure.name) ?? 0) + figure.value)
    else yield event
  }
  totals.set('duration_ms', Math.round(performance.now() - startedMs))
  for (const [name, value] of totals)
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}`, level: 'info' } }
}

function eventsOfLane({ files, concurrency }, timeout) {
  const paths = files.map((file) => join(root, file))
  const execArgv = ['--import', pathToFileURL(join(root, 'bin', 'test-file-ends.mjs')).href]
  return runTests({ files: paths, concurrency, timeout, cwd: root, execArgv })
}

/** Several streams of events as one. What belongs to one test stays together, as the report needs it. */
async function* merged(streams) {
  const whole = []
  let wake = () => {}
  let open = streams.length
  const read = async (stream) => {
    let test = []
    for await (const event of stream) {
      test.push(event)
      if (event.data.nesting > 0 || !['test:pass', 'test:fail', 'test:summary'].includes(event.type)) continue
      whole.push(test)
      test = []
      wake()
    }
    whole.push(test)
  }
  const reading = Promise.all(
    streams.map((stream) =>
      read(stream).finally(() => {
        open--
        wake()
      }),
    ),
  )
  while (open > 0 || whole.length > 0) {
    if (whole.length === 0)
      await new Promise((resolve) => {
        wake = resolve
      })
    yield* whole.splice(0).flat()
  }
  await reading
}

function readFigure({ message, file }) {
  const match = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(message)
  return match && file === undefined ? { name: match[1], value: Number(match[2]) } : undefined
}

const isOfParts = (file) => ofParts.some((path) => file.startsWith(path))

function select(args) {
  const all = folders.flatMap(testFiles)
  if (args.length === 1 && args[0] === '--parts') return all.filter(isOfParts)
  if (args.length === 0) return all.filter((file) => !file.startsWith(ofClusters) && !isOfParts(file))
  const files = args.flatMap((arg) => {
    const wanted = relative(root, resolve(arg))
    const matching = all.filter((file) => file === wanted || file.startsWith(`${wanted}/`))
    if (matching.length === 0) throw new SetUpError(`there is no test in ${arg}`)
    return matching
  })
  return [...new Set(files)]
}

function testFiles(folder) {
  const path = join(root, folder)
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => a.name.localeCompare(b.name))
    .flatMap((entry) => {
      if (entry.isDirectory())
        return ['node_modules', 'dist'].includes(entry.name) ? [] : testFiles(`${folder}/${entry.name}`)
      return entry.name.endsWith('.test.ts') ? [`${folder}/${entry.name}`] : []
    })
}

/** By what each took the last time; those that never ran come first, and of these the ones known to be slow. */
function slowestFirst(files, times) {
  const rank = (file) => knownSlow.findIndex((path) => file.startsWith(path))
  const weight = (file) => times[file] ?? 1e9 + (rank(file) < 0 ? 0 : knownSlow.length - rank(file))
  return files.toSorted((a, b) => weight(b) - weight(a))
}

function showSlowest(taken) {
  const slowest = [...taken].sort(([, a], [, b]) => b - a).slice(0, shownSlowest)
  const width = Math.max(0, ...slowest.map(([file]) => file.length))
  process.stdout.write(`\nThe slowest files:\n`)
  for (const [file, ms] of slowest)
    process.stdout.write(`  ${file.padEnd(width)} ${(ms / 1000).toFixed(1).padStart(6)} s\n`)
}

function readTimes() {
  try {
    return JSON.parse(readFileSync(timesPath, 'utf8'))
  } catch {
    return {}
  }
}

function writeTimes(times) {
  mkdirSync(dirname(timesPath), { recursive: true })
  writeFileSync(timesPath, `${JSON.stringify(times, null, 1)}\n`)
}
