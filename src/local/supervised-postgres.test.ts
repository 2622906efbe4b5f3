import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
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
