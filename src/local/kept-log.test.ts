import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keepLog, linesWith } from './kept-log.ts'

function folder(t: { after(clean: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'octavo-log-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('lines are found by what they name, over a restart too; half a line is passed over', (t) => {
  const path = folder(t)
  for (const word of ['one', 'two']) {
    using log = keepLog(path)
    log.add(JSON.stringify({ message: word, orderId: 'o1' }))
    log.add(JSON.stringify({ message: 'another', orderId: 'o2' }))
  }
  appendFileSync(join(path, 'log', 'octavo.log'), '{"orderId":"o1","mess')
  assert.deepEqual(
    linesWith(path, ['o1']).map(({ message }) => message),
    ['one', 'two'],
  )
  assert.equal(statSync(join(path, 'log', 'octavo.log')).mode & 0o077, 0, 'others may not read it')
})

test('what is kept is bounded, and what goes is the oldest', (t) => {
  const path = folder(t)
  const bytesMax = 20_000
  for (let i = 0; i < 100; i++) {
    using log = keepLog(path, bytesMax)
    log.add(JSON.stringify({ message: `line ${i}`, fill: 'x'.repeat(1_000) }))
  }
  const kept = linesWith(path, ['line'])
  assert.ok(kept.length < 25, `${kept.length} lines`)
  assert.equal(kept.at(-1)?.message, 'line 99')
})
