import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import type { Want } from '#kernel/database-turn'
import { systemClock } from '#ports/clock'
import { askOnce } from '#ports/postgres'
import { until } from '../../../test/support/until.ts'
import { freeInnerPort } from '../free-port.ts'
import { keepServer } from './keep-server.ts'

const limitMs = 90_000
const password = 'of the superuser'
const kept = (name: string) => join(import.meta.dirname, '../../../test/support/certificates', name)

test('with a certificate, servers copy and follow each other encrypted alone, and take a renewed one as they run', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-kept-tls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const use = (name: string) => {
    copyFileSync(kept(`${name}.pem`), join(folder, 'tls.crt'))
    copyFileSync(kept(`${name}.key.pem`), join(folder, 'tls.key'))
  }
  // The authority of both: each has signed itself.
  const authorities = ['first', 'second'].map((name) => readFileSync(kept(`${name}.pem`), 'utf8')).join('')
  writeFileSync(join(folder, 'ca.crt'), authorities)
  use('first')
  const ports = { a: await freeInnerPort(), b: await freeInnerPort() }
  const names = ['a', 'b'] as const
  const members = names.map((name) => ({ name, address: `127.0.0.1:${ports[name]}` }))
  const keepers = names.map((cluster) => {
    const path = mkdtempSync(join(tmpdir(), `octavo-kept-${cluster}-`))
    t.after(() => rmSync(path, { recursive: true, force: true }))
    const keeper = keepServer({
      ...{ cluster, name: 'order-db', database: 'orders', path, password, port: ports[cluster] },
      ...{ host: '127.0.0.1', tls: folder, clock: systemClock },
    })
    t.after(() => keeper[Symbol.asyncDispose]())
    return keeper
  })
  const want: Want = {
    ...{ epoch: 1, state: 'primary', primary: 'a', members, quorum: 1, from: null },
    ...{ isFirst: true, isPlanned: false },
  }
  keepers[0]?.follow(want)
  keepers[1]?.follow({ ...want, state: 'replica', isFirst: false })
  await until(() => keepers.every((each) => each.state().isAsTold), 'one leads, the other follows', limitMs)

  const url = `postgres://octavo:${encodeURIComponent(password)}@127.0.0.1:${ports.a}/orders`
  await assert.rejects(ask(url, 'SELECT 1'), /pg_hba.conf.*no encryption/)
  // As a role's setting has it.
  const secret = `${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(join(folder, 'ca.crt'))}`
  const sql = 'SELECT s.ssl FROM pg_stat_ssl AS s JOIN pg_stat_replication AS r USING (pid)'
  assert.deepEqual(await ask(secret, sql), [{ ssl: true }])
  await assert.rejects(ask(`${url}?sslmode=verify-full`, 'SELECT 1'), /self-signed/)

  assert.equal(await nameAt(ports.a), 'first')
  use('second')
  await until(async () => (await nameAt(ports.a)) === 'second', 'the renewed one is shown', limitMs)
  assert.deepEqual(await ask(secret, sql), [{ ssl: true }], 'who was connected stays so')
})

const ask = (url: string, sql: string) => askOnce(url, sql, limitMs)

/** Whose certificate a server shows. Source: PostgreSQL manual, 54.2.10 "SSL Session Encryption", direct negotiation. */
function nameAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port, host: '127.0.0.1', ALPNProtocols: ['postgresql'], rejectUnauthorized: false },
      () => {
        resolve(String(socket.getPeerCertificate().subject.O))
        socket.destroy()
      },
    )
    socket.once('error', reject)
  })
}
