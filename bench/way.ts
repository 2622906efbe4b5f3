import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { behindGateway, load, type Running, startRoles } from './processes.ts'
import { openBenchStore } from './store.ts'

// The files on the way of an order: those of which something runs, in one of its four processes, while orders come in
// through the gateway, and does not run while there are none. With the functions of each, by process.
type Function = { functionName: string; ranges: { count: number; startOffset: number }[] }
type Coverage = { result: { url: string; functions: Function[] }[] }

const root = join(import.meta.dirname, '..')
/** Where processes write what ran in them, and in them the variable that says so. */
const folderVariable = 'OCTAVO_WAY'
/** What is done every so often has been done within this. */
const idleMs = 5_000

const folder = process.env[folderVariable]
if (folder === undefined) await showWay()
else tellWhatRuns(folder)

async function showWay(): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const written = mkdtempSync(join(tmpdir(), 'octavo-way-'))
  stack.defer(() => rmSync(written, { recursive: true }))
  const store = stack.use(await openBenchStore(1))
  const settings = { [folderVariable]: written, NODE_OPTIONS: `--import ${import.meta.url}` }
  const roles = await startRoles(store, ['orders', 'catalog', 'coordinator'], settings)
  const door = stack.use(await behindGateway(roles, settings))
  const orders = (seconds: number) => load(door.url, 8, seconds, store.isbns)
  await orders(2)
  await ranIn(door, written)
  await sleep(idleMs)
  const idle = await ranIn(door, written)
  await orders(0.5)
  const busy = await ranIn(door, written)
  const files = new Set<string>()
  for (const [role, functions] of busy) {
    const way = Map.groupBy(
      [...functions].filter((each) => !idle.get(role)?.has(each)),
      (each) => each.split(' ')[0] ?? '',
    )
    console.log(`\n${role}: ${way.size} files`)
    for (const [file, names] of [...way].sort(([a], [b]) => (a < b ? -1 : 1))) {
      files.add(file)
      console.log(`  ${file}: ${names.flatMap((each) => each.split(' ')[1] || []).join(', ')}`)
    }
  }
  console.log(`\n${files.size} files in all`)
}

/** What ran in each process since it was asked the last time: `file function`, nameless ones without. */
async function ranIn({ pids }: Running, written: string): Promise<Map<string, Set<string>>> {
  const answers = () => readdirSync(written).filter((name) => name.endsWith('.json'))
  for (const pid of pids) process.kill(pid, 'SIGUSR2')
  while (answers().length < pids.length) await sleep(50)
  const ran = new Map<string, Set<string>>()
  for (const name of answers().sort()) {
    const { result } = JSON.parse(readFileSync(join(written, name), 'utf8')) as Coverage
    rmSync(join(written, name))
    const own = result.filter(({ url }) => url.startsWith(`file://${root}/src/`))
    const functions = own.flatMap(({ url, functions }) =>
      functions
        .filter(({ ranges }) => ranges.some(({ count }) => count > 0))
        .map(({ functionName }) => `${relative(root, fileURLToPath(url))} ${functionName}`),
    )
    ran.set(name.replace(/\..*/, ''), new Set(functions))
  }
  return ran
}

/** In a role's process: writes what has run since the last time, whenever it gets the signal. */
function tellWhatRuns(into: string): void {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  process.on('SIGUSR2', () =>
    session.post('Profiler.takePreciseCoverage', (_, coverage) => {
      const path = join(into, `${process.argv.at(-1)}.${process.pid}`)
      writeFileSync(path, JSON.stringify(coverage))
      renameSync(path, `${path}.json`)
    }),
  )
}
