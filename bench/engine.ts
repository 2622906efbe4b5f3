import { parseArgs } from 'node:util'
import * as contestants from './contestants.ts'
import { openMariadbBooks } from './mariadb-books.ts'
import { type Contestant, type Figures, measure, medians, ms, printTable, ratio, round } from './rounds.ts'
import { openBenchStore } from './store.ts'

// The engine in this process against its rivals, over the same two PostgreSQL servers, in interleaved rounds.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    titles: { type: 'string', default: '1' },
    callers: { type: 'string', default: '64,256,1024' },
    /** Microseconds added to every fsync of the write-ahead log, as a slower disk would. */
    'fsync-delay': { type: 'string', default: '0' },
    /** How many each database has; a commit waits for half of them. */
    replicas: { type: 'string', default: '0' },
    /** Another server for BookDb, beside PostgreSQL in the same rounds. */
    'book-db': { type: 'string', default: 'postgres' },
    only: { type: 'string', default: '' },
  },
})
const titles = Number(values.titles)
const callersList = values.callers.split(',').map(Number)
// commit_delay sleeps before each flush of the log; with no siblings asked for it always does.
const slow =
  Number(values['fsync-delay']) > 0
    ? { commit_delay: values['fsync-delay'], commit_siblings: '0' }
    : undefined

await using store = await openBenchStore(titles, slow, Number(values.replicas))
await using mariadb = values['book-db'] === 'mariadb' ? await openMariadbBooks(store) : undefined
const groupSize = 256
/** Plans are made, code is compiled and connections are opened before anything is measured. */
const warmUpSeconds = 0.5
const makers: Record<string, () => Promise<Contestant>> = {
  engine: () => contestants.engine(store),
  ...(mariadb && {
    mariadb: () => contestants.engine({ ...store, bookDbUrl: mariadb.url }, 'octavo with BookDb on MariaDB'),
  }),
  lock: () => contestants.tableLock(store),
  conditional: () => contestants.conditionalUpdate(store),
  twophase: () => contestants.twoPhasePerOrder(store),
  row2: () => contestants.oneRowUpdate(store, 2),
  row64: () => contestants.oneRowUpdate(store, 64),
  floor: () => contestants.readyMadeGroups(store, groupSize),
}
const chosen = Object.entries(makers).filter(
  ([key]) => values.only === '' || values.only.split(',').includes(key),
)

for (const callers of callersList) {
  const results = new Map<string, { name: string; rounds: Figures[] }>()
  for (let i = 0; i < Number(values.rounds); i++)
    for (const [key, make] of chosen) {
      await store.reset()
      await mariadb?.reset()
      await using contestant = await make()
      // The floor writes a whole group a call, with two in flight; it counts orders like everybody else.
      const floor = key === 'floor'
      await measure(contestant.call, floor ? 2 : callers, warmUpSeconds)
      const figures = await measure(contestant.call, floor ? 2 : callers, Number(values.seconds))
      if (floor) figures.perSecond *= groupSize
      const entry = results.get(key) ?? { name: contestant.name, rounds: [] }
      entry.rounds.push(figures)
      results.set(key, entry)
    }
  const ours = results.get('engine')
  const own = ours ? medians(ours.rounds).perSecond : 0
  console.log(
    `\n${callers} callers, ${titles} title${titles === 1 ? '' : 's'}, medians of ${values.rounds} rounds`,
  )
  printTable(
    ['', 'orders/s', 'p50', 'p99', 'p99.9', 'octavo ÷ this'],
    [...results.values()].map(({ name, rounds }) => {
      const { perSecond, p50Ms, p99Ms, p999Ms } = medians(rounds)
      return [name, round(perSecond), ms(p50Ms), ms(p99Ms), ms(p999Ms), own ? ratio(own / perSecond) : '']
    }),
  )
}
