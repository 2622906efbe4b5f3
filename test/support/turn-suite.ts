import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Database, openDatabase } from '#ports/database'
import { type BackgroundProcess, startProcess } from '../clusters/background-process.ts'
import { makeTurnTables } from './turn-tables.ts'
import { until as untilWithin } from './until.ts'

/** Where the processes of one test find their leases, and the database that counts their turns. */
export type TurnPlace = { discoveryUrl: string; databaseUrl: string }
export type OpenTurnPlace = (t: TestContext, name: string) => Promise<TurnPlace>

/** What processes do one at a time, judged by the database's own record of who did it. */
export function testTurns(kind: string, open: OpenTurnPlace, skip: boolean | string = false): void {
  const openAt = (t: TestContext, name: string) => openRecord(t, name, open)

  test(`${kind}: one process works at a time, and another goes on as soon as it gives its lease back`, {
    skip,
  }, async (t) => {
    await using record = await openAt(t, 'given-back')
    const { database, start, holder } = record
    const first = start('first')
    await untilHeld(holder, 'first')
    start('second')
    await until(async () => (await count(database, 'first')) > 20)
    assert.equal(await count(database, 'second'), 0)
    await first.stop()
    await until(async () => (await count(database, 'second')) > 0)
    assert.deepEqual(await outOfTurn(database), [])
  })

  test(`${kind}: a process that dies has the next one take its place`, { skip }, async (t) => {
    await using record = await openAt(t, 'killed')
    const { database, start, holder } = record
    const first = start('first')
    await untilHeld(holder, 'first')
    start('second')
    first.signal('SIGKILL')
    await until(async () => (await count(database, 'second')) > 0)
    assert.deepEqual(await outOfTurn(database), [])
  })

  test(`${kind}: a process that is frozen past its lease and woken is never at work beside the next one`, {
    skip,
  }, async (t) => {
    await using record = await openAt(t, 'frozen')
    const { database, start, holder } = record
    const workers: Record<string, BackgroundProcess> = { first: start('first') }
    await untilHeld(holder, 'first')
    workers.second = start('second')
    for (let round = 0; round < 2; round++) {
      const frozen = await holder()
      workers[frozen]?.signal('SIGSTOP')
      await until(async () => (await holder()) !== frozen)
      const before = await count(database, await holder())
      workers[frozen]?.signal('SIGCONT')
      const next = await holder()
      await until(async () => (await count(database, next)) > before + 20)
    }
    assert.deepEqual(await outOfTurn(database), [])
  })

  test(`${kind}: without the check in the database the same freeze is noticed: two were at work`, {
    skip,
  }, async (t) => {
    await using record = await openAt(t, 'unfenced')
    const { database, start, holder } = record
    const first = start('first', 'unfenced')
    await untilHeld(holder, 'first')
    start('second', 'unfenced')
    first.signal('SIGSTOP')
    await until(async () => (await count(database, 'second')) > 10)
    first.signal('SIGCONT')
    await until(async () => (await outOfTurn(database)).length > 0)
  })
}

/** Processes have to start first, which takes its time on a busy machine. */
const limitMs = 90_000
const until = (condition: () => Promise<boolean>) => untilWithin(condition, String(condition), limitMs)

const untilHeld = (holder: () => Promise<string>, name: string) =>
  until(async () => (await holder()) === name)

async function openRecord(t: TestContext, name: string, open: OpenTurnPlace) {
  const { discoveryUrl, databaseUrl } = await open(t, name)
  const folder = mkdtempSync(join(tmpdir(), 'octavo-turns-'))
  const database = await openDatabase(databaseUrl, { applicationName: 'test', connectionsMax: 2 })
  const workers = new Map<string, BackgroundProcess>()
  const isPostgres = database.dialect.name === 'postgres'
  await makeTurnTables(database)
  const id = isPostgres ? 'bigint GENERATED ALWAYS AS IDENTITY' : 'bigint AUTO_INCREMENT'
  await database.execute(
    `CREATE TABLE work (id ${id} PRIMARY KEY, holder varchar(20) NOT NULL, fence bigint NOT NULL)`,
  )
  const start = (holder: string, ...how: string[]) => {
    const worker = startProcess({
      command: process.execPath,
      args: [join(import.meta.dirname, 'turn-worker.ts'), discoveryUrl, databaseUrl, holder, ...how],
      logPath: join(folder, `${holder}.log`),
    })
    workers.set(holder, worker)
    return worker
  }
  const fences = isPostgres ? 'orders.fences' : 'fences'
  const holder = async () =>
    (await database.query<{ holder: string }>(`SELECT holder FROM ${fences}`))[0]?.holder ?? ''
  return {
    ...{ database, start, holder },
    async [Symbol.asyncDispose]() {
      for (const [name, worker] of workers) {
        worker.signal('SIGCONT')
        await worker.stop()
        if (worker.said() !== '') t.diagnostic(`${name} said: ${worker.said()}`)
      }
      await database[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function count(database: Database, holder: string): Promise<number> {
  const rows = await database.query<{ holder: string; n: number }>(
    'SELECT holder, count(*) AS n FROM work GROUP BY holder',
  )
  return Number(rows.find((row) => row.holder === holder)?.n ?? 0)
}

/** Work of a turn that was written after work of a later turn. */
async function outOfTurn(database: Database): Promise<object[]> {
  return await database.query<object>(
    `SELECT id, holder, fence FROM
       (SELECT id, holder, fence, max(fence) OVER (ORDER BY id) AS latest FROM work) AS numbered
     WHERE fence < latest LIMIT 5`,
  )
}
