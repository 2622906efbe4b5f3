import { Unavailable } from '#kernel/unavailable'
import type { Allot, Movement, Title } from '../../src/services/catalog/stock/allot.ts'
import {
  createStockParticipant,
  type StockParticipant,
} from '../../src/services/catalog/stock/participant.ts'
import {
  createMemoryStock,
  type Line,
  type MemoryStockOptions,
} from '../../src/services/catalog/store/memory/stock.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/** BookDb as far as stock needs it: the store in memory, behind lines that take time and break. */
export type BookDb = {
  readonly stock: ReadonlyMap<string, Title>
  readonly ledger: readonly Movement[]
  readonly prepared: ReadonlyMap<string, unknown>
  /** The real participant, as a catalog process has it in one of its lives. */
  participantIn(process: Process): StockParticipant
  /** The server dies; sessions end, what is committed or prepared stays; it is back after `downMs`. */
  crash(downMs: number): void
}

export type BookDbOptions = Pick<MemoryStockOptions, 'withoutLeftCheck' | 'withoutStockCheck'> & {
  allot?: Allot
}

export function createBookDb(
  world: World,
  titles: readonly Title[],
  { allot, ...broken }: BookDbOptions = {},
): BookDb {
  const server = createMemoryStock({ nowMs: world.now, after: world.after, ...broken })
  for (const title of titles) server.addTitle(title)
  let downUntil = 0

  /** A statement takes its time, and fails when the server is away at its beginning or its end. */
  const lineOf = (process: Process): Line => ({
    onceGone: process.onceDead,
    ask: (statement) => {
      const { life } = process
      return new Promise((resolve, reject) => {
        const fail = () => process.deliver(life, () => reject(new Unavailable('BookDb is away')))
        const answer = (settle: () => void) => {
          world.hazard(process)
          // The answer of a server that died meanwhile never arrives, though the work was done.
          world.after(world.random(), () =>
            world.now() < downUntil ? fail() : process.deliver(life, settle),
          )
        }
        world.after(world.random(), async () => {
          world.hazard(process)
          if (world.now() < downUntil) return fail()
          try {
            const value = await statement()
            answer(() => resolve(value))
          } catch (error) {
            answer(() => reject(error))
          }
        })
      })
    },
  })

  return {
    stock: server.stock,
    ledger: server.ledger,
    prepared: server.prepared,
    participantIn: (process) =>
      told(
        world,
        process,
        createStockParticipant(server.connect(lineOf(process)), process.clock, { ...(allot && { allot }) }),
      ),
    crash(downMs) {
      world.note('BookDb dies')
      downUntil = world.now() + downMs
      server.endSessions()
    },
  }
}

/** Notes what the participant answers, for the reader of a failure. */
function told(world: World, { name }: Process, participant: StockParticipant): StockParticipant {
  const noted = (verb: 'commit' | 'abort') => async (id: string) => {
    await participant[verb](id)
    world.note(`${name} ${verb}s ${id.slice(-4)}`)
  }
  return {
    ...participant,
    async prepare(id, requests) {
      const vote = await participant.prepare(id, requests)
      if (vote.kind === 'prepared') world.note(`${name} prepared ${id.slice(-4)}`)
      return vote
    },
    commit: noted('commit'),
    abort: noted('abort'),
  }
}
