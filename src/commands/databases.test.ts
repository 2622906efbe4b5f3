import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { writeSuccession } from '../local/replicas/succession-record.ts'

test('a change to a server that is not there, or is the primary already, is answered at once', async (t) => {
  const { octavo, path } = store(t)
  assert.match((await octavo('switch', 'book-db', '--to', '7')).stderr, /has no server 7; it has 1, 2, 3/)
  assert.match(
    (await octavo('switch', 'book-db', '--to', '2')).stdout,
    /Server 2 of book-db is the primary already/,
  )
  assert.match((await octavo('switch', 'order-db')).stderr, /order-db has no replicas/)
  assert.match((await octavo('switch', 'book-db', 'order-db')).stderr, /usage/)
  assert.ok(!existsSync(join(path, 'switchover.json')))
})

function store(t: TestContext) {
  const data = mkdtempSync(join(tmpdir(), 'octavo-databases-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  const path = join(data, 'book-db')
  for (const each of ['book-db', 'book-db.2', 'book-db.3', 'order-db']) mkdirSync(join(data, each))
  writeSuccession(path, { term: 2, primary: 2, followers: [1, 3], servers: [1, 2, 3] })
  const octavo = async (...args: string[]): Promise<{ stdout: string; stderr: string }> => {
    const env = {
      ...{ PATH: process.env.PATH, OCTAVO_DATA: data },
      ...{
        OCTAVO_BOOK_DB: 'postgres://nobody@127.0.0.1:1/x',
        OCTAVO_ORDER_DB: 'postgres://nobody@127.0.0.1:1/x',
      },
    }
    const main = join(import.meta.dirname, '..', 'main.ts')
    const run = promisify(execFile)(process.execPath, [main, 'databases', ...args], { env, timeout: 20_000 })
    return await run.catch((error: { stdout: string; stderr: string }) => error)
  }
  return { octavo, path }
}
