import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type TestScope, testDatabase } from '../../test/support/database.ts'
import { noteEnvironment } from '../local/running.ts'

const main = join(import.meta.dirname, '..', 'main.ts')

type Outcome = { code: number | null; out: string; err: string }

async function octavo(args: string[], env: Record<string, string>): Promise<Outcome> {
  const child = spawn(process.execPath, [main, 'import', ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out, err }
}

async function folder(t: TestScope): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'octavo-import-test-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

test('a file is imported: each rejected record with its line, then what was done, and exit code 0', async (t) => {
  const { url } = await testDatabase(t, 'command_import')
  const file = join(await folder(t), 'books.csv')
  await writeFile(file, 'isbn,title\n9780441172719,Dune\n9780441172718,Wrong\n9780141439518,Pride\n')
  const env = { OCTAVO_BOOK_DB: url }
  const first = await octavo([file, '--price', '9,90', '--currency', 'EUR', '--copies', '4'], env)
  assert.equal(first.code, 0, first.err)
  assert.match(first.err, /^line 3, isbn: "9780441172718" has a wrong check digit/m)
  assert.match(first.out, /3 records read: 2 new, 0 changed, 0 unchanged, 1 rejected\./)
  assert.match(first.out, /cost €9\.90; without a count, 4 copies/)
  const again = await octavo([file], env)
  assert.match(again.out, /3 records read: 0 new, 0 changed, 2 unchanged, 1 rejected\./)
})

test('what cannot be imported is told in one line, with exit code 1; wrong usage with 2', async (t) => {
  const path = await folder(t)
  const { url } = await testDatabase(t, 'command_import_wrong')
  const files: Record<string, string | Uint8Array> = {
    'empty.csv': '',
    'binary.csv': Uint8Array.from({ length: 4096 }, (_, i) => (i * 31) % 256),
    'columns.csv': 'a,b\n1,2\n',
    'cut.csv': 'isbn,title\n9780441172719,Dune\n9780141439518,"Pride',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content)
  const cases: [string[], number, RegExp][] = [
    [[join(path, 'missing.csv')], 1, /there is no file/],
    [[path], 1, /is not a file/],
    [[join(path, 'empty.csv')], 1, /the file is empty/],
    [[join(path, 'binary.csv')], 1, /binary/],
    [[join(path, 'columns.csv')], 1, /no column holds the isbn or the title; the columns are a, b/],
    [[join(path, 'cut.csv')], 1, /cut off[\s\S]*Before that: 1 record read: 1 new/],
    [[join(path, 'columns.csv'), '--map', 'isbn=c'], 1, /there is no column "c"/],
    [[], 2, /usage/],
    [[join(path, 'columns.csv'), '--price', 'cheap'], 2, /not a price in EUR/],
    [[join(path, 'columns.csv'), '--copies', '-1'], 2, /--copies/],
    [[join(path, 'columns.csv'), '--colour'], 2, /colour/],
  ]
  const outcomes = []
  for (const [args] of cases) outcomes.push(await octavo(args, { OCTAVO_BOOK_DB: url }))
  for (const [i, [args, code, message]] of cases.entries()) {
    assert.equal(outcomes[i]?.code, code, `${args} ${outcomes[i]?.err}`)
    assert.match(outcomes[i]?.err ?? '', message)
    assert.doesNotMatch(outcomes[i]?.err ?? '', /\n {4}at /, 'no stack trace')
  }
  const away = await octavo([join(path, 'cut.csv')], { OCTAVO_DATA: join(path, 'nothing') })
  assert.equal(away.code, 1)
  assert.match(away.err, /no store runs on/)
})

test('the running store says where its database is and in what it sells; what the command is given wins', async (t) => {
  const { url } = await testDatabase(t, 'command_import_running')
  const data = await folder(t)
  await mkdir(join(data, 'run'))
  noteEnvironment(data, { OCTAVO_BOOK_DB: url, OCTAVO_SHOP_CURRENCY: 'GBP' })
  const file = join(data, 'books.csv')
  await writeFile(file, 'isbn,title,price,copies\n9780441172719,Dune,9.90,3\n')
  const told = await octavo([file, '--dry-run'], { OCTAVO_DATA: data })
  assert.match(told.out, /Default: currency GBP \(the shop’s\), 1 times/, told.err)
  const own = await octavo([file, '--dry-run'], { OCTAVO_DATA: data, OCTAVO_SHOP_CURRENCY: 'USD' })
  assert.match(own.out, /Default: currency USD/)
  const given = await octavo([file, '--currency', 'CHF', '--map', 'price=#3,none=copies'], {
    OCTAVO_DATA: data,
  })
  assert.match(given.out, /Not read: copies \(1\)[\s\S]*Default: currency CHF/)
  const stock = await octavo([file, '--stock', 'set'], { OCTAVO_DATA: data })
  assert.match(stock.out, /The stock of 1 known books was set\./)
  const wrong = await octavo([file, '--stock', 'add'], { OCTAVO_DATA: data })
  assert.deepEqual([wrong.code, /--stock add is neither keep nor set/.test(wrong.err)], [2, true])
})
