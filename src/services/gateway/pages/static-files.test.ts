import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStaticFolder } from './static-files.ts'

test('a file stays in memory however many made-up names are asked for, and until it is gone', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'octavo-static-'))
  t.after(() => rm(root, { recursive: true }))
  await writeFile(join(root, 'index.html'), '<title>Home</title>')
  let nowMs = 0
  const folder = openStaticFolder(root, () => nowMs)
  const file = await folder.read('index.html')
  assert.ok(file)
  for (let i = 0; i < 2_100; i++) assert.equal(await folder.read(`made-up-${i}.html`), undefined)
  assert.equal(await folder.read('index.html'), file)
  await rm(join(root, 'index.html'))
  nowMs += 10_000
  assert.equal(await folder.read('index.html'), undefined)
})
