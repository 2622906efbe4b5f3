import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPostgres } from './postgres-server.ts'
import { endProcess, identify } from './process-identity.ts'
import { supervisePostgres } from './supervised-postgres.ts'
import { restartWaitMs } from './supervised-role.ts'

test('a first start that fails leaves no server behind, nor one that is still to come', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'octavo-supervised-')), 'db')
  const runs = () =>
    identify(Number(readFileSync(join(path, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]))
  let silent: Server | undefined
  const callers: Socket[] = []
  t.after(async () => {
    silent?.close()
    const left = runs()
    if (left) await endProcess(left, 'SIGINT', 5_000)
    rmSync(join(path, '..'), { recursive: true })
  })

  // The server dies as soon as it is up, and whoever connects waits in vain until that was noticed.
  const onChange = () => {
    if (silent !== undefined) return
    const server = runs()
    assert.ok(server)
    process.kill(server.pid, 'SIGKILL')
    const socket = join(path, 'socket', '.s.PGSQL.5432')
    rmSync(socket)
    silent = createServer((caller) => callers.push(caller)).listen(socket)
  }
  const line = (_name: string, text: string) => {
    if (/starts again/.test(text)) for (const caller of callers) caller.destroy()
  }
  const log = { say: () => {}, line }
  const starting = supervisePostgres({
    name: 'db',
    database: 'books',
    path,
    password: 'secret',
    log,
    onChange,
  })
  await assert.rejects(starting)
  await sleep(restartWaitMs(1, 1) + 1_500)
  assert.equal(runs(), undefined)
})

test('a server that is frozen while it starts is given up soon', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'octavo-frozen-')), 'db')
  t.after(() => rmSync(join(path, '..'), { recursive: true }))
  const first = await startPostgres({ path, password: 'secret' })
  await first.stop()
  const pidFile = join(path, 'data', 'postmaster.pid')
  // It is not ready yet when it writes its number down.
  const freezing = setInterval(() => {
    if (!existsSync(pidFile)) return
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
    if (pid > 0 && identify(pid)) process.kill(pid, 'SIGSTOP')
  }, 1)
  t.after(() => clearInterval(freezing))
  await assert.rejects(startPostgres({ path, password: 'secret' }), /does nothing while it starts/)
  clearInterval(freezing)
  const again = await startPostgres({ path, password: 'secret' })
  await again.stop()
})
