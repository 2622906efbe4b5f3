import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from '#ports/database'
import { holdFence, LostFence, openTurns } from '#ports/lease'
import { stopSignal } from '../../src/process/stop-signal.ts'

/**
 * A process that writes to a database whenever it has the turn: `node turn-worker.ts DISCOVERY DATABASE NAME [unfenced]`.
 * `unfenced` leaves the database's check out, as a build without that safeguard would.
 */
const [discoveryUrl = '', databaseUrl = '', holder = '', how] = process.argv.slice(2)
const durations = { leaseMs: 2_000, renewMs: 1_400, retryMs: 300 }
const stop = stopSignal()
const database = await openDatabase(databaseUrl, { applicationName: holder, connectionsMax: 4 })
const turns = await openTurns({ discoveryUrl, database, schema: 'orders', holder, durations })
const values = database.dialect.name === 'postgres' ? '($1, $2)' : '(?, ?)'
const turn = turns.take('sweeper', async (fence, lost) => {
  // The loop heeds the fence alone: what a process believes of its own lease is what a freeze makes wrong.
  while (!stop.aborted && (how === 'unfenced' || !lost.aborted)) {
    try {
      await database.transaction(async (tx) => {
        if (how !== 'unfenced') await holdFence(tx, fence)
        await tx.execute(`INSERT INTO work (holder, fence) VALUES ${values}`, [holder, fence.number])
      })
    } catch (error) {
      if (error instanceof LostFence) return
      // What was on its way during a freeze is late; a worker like this one just goes on.
      if (how !== 'unfenced') throw error
    }
    await sleep(2)
  }
})
await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
await turn[Symbol.asyncDispose]()
await turns[Symbol.asyncDispose]()
await database[Symbol.asyncDispose]()
