import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

// A fresh machine has a Node of its own, and npm finds Octavo's only from the second command on.
test('a command that is begun on another Node is carried out, and its exit code is the command’s', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-first-command-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const another = join(folder, 'node')
  copyFileSync(process.execPath, another)
  chmodSync(another, 0o755)
  const run = (...args: string[]) => spawnSync(another, args, { cwd: root, encoding: 'utf8' })
  const tests = run('bin/bootstrap.mjs', 'test', 'no-such.test.ts')
  assert.match(tests.stdout + tests.stderr, /there is no test in no-such\.test\.ts/)
  assert.notEqual(tests.status, 0)
  const help = run('bin/octavo', 'help')
  assert.match(help.stdout, /octavo import/)
  assert.equal(help.status, 0)
})
