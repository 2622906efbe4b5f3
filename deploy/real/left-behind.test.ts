import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { identify, isRunning } from '../../src/local/process-identity.ts'
import { until } from '../../test/support/until.ts'
import { endLeftBehind, folderVariable } from './left-behind.ts'

test('what a killed holder left running is ended with what it started, and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-left-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const start = (on: string, script: string) => {
    const child = spawn('sh', ['-c', script], {
      env: { ...process.env, [folderVariable]: on },
      stdio: 'ignore',
    })
    t.after(() => child.kill('SIGKILL'))
    const identity = identify(child.pid ?? 0)
    assert.ok(identity)
    return identity
  }
  const left = [start(folder, 'sleep 600 & wait'), start(folder, 'exec sleep 600')]
  const others = [start(`${folder}-other`, 'exec sleep 600'), start(tmpdir(), 'exec sleep 600')]
  // The sleep of the first one is there as well.
  await until(async () => (await endLeftBehind(folder)) === 0)
  assert.deepEqual(left.map(isRunning), [false, false])
  assert.deepEqual(others.map(isRunning), [true, true])
  const holder = start(folder, 'sleep 600; : hold-parts.ts')
  await assert.rejects(endLeftBehind(folder), new RegExp(`process ${holder.pid}`))
  assert.ok(isRunning(holder))
})
