import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { dayMs } from '#kernel/day'
import { type Database, openDatabase } from '#ports/database'
import { type ArchiverOptions, openArchiver } from '../../src/local/archive/archiver.ts'
import { superviseDatabase } from '../../src/local/supervised-database.ts'
import { layServers } from './database.ts'
import { type Contents, databaseNames, passwordIn, restoredContents } from './restored.ts'
import { openSeller } from './seller.ts'

export const key = 'a key for tests'

/** What is in doubt is finished by what was decided; what was finished has been decided. */
export function checkConsistent(
  { moves, inDoubt, decisions }: Contents,
  acknowledged: readonly number[],
): void {
  const kept = new Set(decisions)
  assert.deepEqual(
    acknowledged.filter((each) => !kept.has(each)),
    [],
    'acknowledged and lost',
  )
  assert.deepEqual(
    moves.filter((each) => !kept.has(each)),
    [],
    'copies moved for no order',
  )
  const held = new Set([...moves, ...inDoubt])
  assert.deepEqual(
    decisions.filter((each) => !held.has(each)),
    [],
    'orders without copies',
  )
}

export async function startArchived(t: TestContext, replicas: number) {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-archive-'))
  const dataPath = join(folder, 'data')
  await layServers(dataPath)
  const log = { say: () => {}, line: () => {} }
  const sets = await Promise.all(
    Object.entries(databaseNames).map(([name, database]) =>
      superviseDatabase({
        ...{ name, database, log, replicas },
        path: join(dataPath, name),
        password: passwordIn(dataPath, name),
        onChange: () => {},
      }),
    ),
  )
  const ends: (() => PromiseLike<unknown>)[] = []
  t.after(async () => {
    for (const end of ends) await end()
    await Promise.all(sets.flatMap(({ servers }) => servers.map((server) => server.stop(5_000))))
    rmSync(folder, { recursive: true, force: true })
  })
  const [first, second] = sets.map(({ url }) => url)
  const urls = { 'book-db': first ?? '', 'order-db': second ?? '' }
  const connect = async (url: string): Promise<Database> => {
    const database = await openDatabase(url, { applicationName: 'test' })
    ends.push(() => database[Symbol.asyncDispose]())
    return database
  }
  const [books, orders] = [await connect(urls['book-db']), await connect(urls['order-db'])]
  const open = async (place: string, data = 'data', more: Partial<ArchiverOptions> = {}) => {
    const own = join(folder, data)
    mkdirSync(join(own, 'secrets'), { recursive: true })
    const source = { dataPath: own, urls }
    const archiver = await openArchiver({
      ...{ source, place, key, version: '0', baseEveryMs: dayMs, keepMs: 0 },
      say: (text, problem) => t.diagnostic(problem ? `${text}: ${problem.message}` : text),
      ...more,
    })
    ends.unshift(() => archiver[Symbol.asyncDispose]())
    return archiver
  }
  return { folder, urls, archive: join(folder, 'archive'), sets, open, ...(await openSeller(books, orders)) }
}

export async function contents(t: TestContext, dataPath: string): Promise<Contents> {
  const found = await restoredContents(dataPath)
  t.diagnostic(`${found.decisions.length} decided, ${found.inDoubt.length} in doubt`)
  return found
}
