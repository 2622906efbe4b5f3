import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { layMariadb, mariadbMissing, startMariadb } from '../../../../test/support/mariadb-server.ts'
import { freeInnerPort } from '../../../local/free-port.ts'
import { openDatabase } from '../port.ts'

test('with ssl=true a server has to have a certificate of the address it is named by, that is trusted and has not expired', {
  skip: mariadbMissing(),
}, async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'octavo-tls-'))
  const [key, certificate] = [join(path, 'key'), join(path, 'certificate')]
  /** Signed by itself. @returns its text */
  const make = (names: string, days: number) => {
    const request = ['req', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', join(path, 'csr')]
    execFileSync('openssl', [...request, '-subj', '/CN=server', '-addext', `subjectAltName=${names}`], {
      stdio: 'ignore',
    })
    const sign = ['x509', '-req', '-in', join(path, 'csr'), '-signkey', key, '-copy_extensions', 'copyall']
    execFileSync('openssl', [...sign, '-days', String(days), '-out', certificate], { stdio: 'ignore' })
    return readFileSync(certificate, 'utf8')
  }
  const usual = getCACertificates('default')
  const right = make('IP:127.0.0.1', 30)
  layMariadb(path)
  const port = await freeInnerPort()
  const server = await startMariadb(path, [
    ...['--skip-skip-networking', '--bind-address=127.0.0.1', `--port=${port}`],
    ...[`--ssl-cert=${certificate}`, `--ssl-key=${key}`],
  ])
  t.after(async () => {
    setDefaultCACertificates(usual)
    await server.stop()
    rmSync(path, { recursive: true, force: true })
  })
  await using admin = await openDatabase(server.url('mysql'), { applicationName: 'test' })
  for (const statement of [
    'CREATE DATABASE kept',
    "CREATE USER shop@'%' IDENTIFIED BY 'secret'",
    "GRANT ALL ON kept.* TO shop@'%'",
  ])
    await admin.execute(statement)
  const cipherBy = async (trusted: string, options: string) => {
    setDefaultCACertificates([trusted])
    const url = `mariadb://shop:secret@127.0.0.1:${port}/kept${options}`
    await using database = await openDatabase(url, { applicationName: 'test', connectionsMax: 1 })
    const [row] = await database.query<{ Value: string }>("SHOW STATUS LIKE 'Ssl_cipher'")
    return row?.Value
  }
  assert.match((await cipherBy(right, '?ssl=true')) ?? '', /^TLS_/)
  for (const word of ['yes', '1', 'TRUE', ''])
    await assert.rejects(cipherBy(right, `?ssl=${word}`), /"ssl" of a database's address is true or false/)
  /** The server goes on with what its files hold now. */
  const refused = async (names: string, days: number, reason: RegExp) => {
    const made = make(names, days)
    await admin.execute('FLUSH SSL')
    await assert.rejects(cipherBy(made, '?ssl=true'), reason)
  }
  await refused('DNS:localhost', 30, /altnames/)
  await refused('IP:127.0.0.1', -1, /expired/)
  make('IP:127.0.0.1', 30)
  await admin.execute('FLUSH SSL')
  await assert.rejects(cipherBy(right, '?ssl=true'), /self-signed|unable to/)
})
