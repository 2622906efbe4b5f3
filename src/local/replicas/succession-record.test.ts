import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { StartError } from '../data-folder.ts'
import { readSuccession, type SuccessionRecord, writeSuccession } from './succession-record.ts'

const record: SuccessionRecord = { term: 3, change: 7, primary: 2, followers: [1, 3] }

test('who is the primary is known as long as one folder of the database is left', (t) => {
  const path = folders(t)
  writeSuccession(path, record)
  rmSync(path, { recursive: true })
  rmSync(`${path}.2`, { recursive: true })
  assert.deepEqual(readSuccession(path), record)
})

test('the newest copy counts, where a folder could not take it', (t) => {
  const path = folders(t)
  writeSuccession(path, record)
  // A folder of that name keeps the file from being put there, as a full disk does.
  for (const each of [path, `${path}.2`]) {
    rmSync(join(each, 'succession.json'))
    mkdirSync(join(each, 'succession.json'))
  }
  assert.throws(() => writeSuccession(path, { ...record, change: 8 }), /EISDIR|ENOTDIR|EEXIST/)
  rmSync(join(path, 'succession.json'), { recursive: true })
  writeSuccession(path, { ...record, change: 9 })
  assert.equal(readSuccession(path)?.change, 9)
  writeFileSync(join(path, 'succession.json'), JSON.stringify(record))
  assert.equal(readSuccession(path)?.change, 9, 'an older copy in the first place is passed over')
})

test('servers without a word of who is the primary are not started as if they were new', (t) => {
  const path = folders(t)
  assert.throws(() => readSuccession(path), StartError)
  writeFileSync(join(path, 'succession.json'), '{"term"')
  for (const each of [2, 3]) rmSync(`${path}.${each}`, { recursive: true })
  assert.throws(() => readSuccession(path), StartError)
  rmSync(join(path, 'succession.json'))
  assert.equal(readSuccession(path), undefined, 'a lone server has none')
})

function folders(t: TestContext): string {
  const data = mkdtempSync(join(tmpdir(), 'octavo-succession-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  const path = join(data, 'book-db')
  for (const each of [path, `${path}.2`, `${path}.3`]) mkdirSync(each)
  return path
}
