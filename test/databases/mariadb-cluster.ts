import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionConfig, createConnection } from 'mariadb'
import { freeInnerPort } from '../../src/local/free-port.ts'
import type { TestScope } from '../support/database.ts'
import { layMariadb, type MariadbServer, startMariadb } from '../support/mariadb-server.ts'
import { until } from '../support/until.ts'

/** One primary and its replicas, semi-synchronous, by GTID. */
export type MariadbCluster = {
  /** Names every server, as a user who cannot write to a replica. */
  url: string
  /** As one who may administer replication. */
  addresses: ConnectionConfig[]
  servers: MariadbServer[]
  sql(server: number, ...statements: string[]): Promise<unknown[]>
}

const grants = [
  'RELOAD',
  'REPLICATION SLAVE',
  'REPLICATION SLAVE ADMIN',
  'REPLICATION MASTER ADMIN',
  'READ_ONLY ADMIN',
]

export async function startMariadbCluster(t: TestScope, count: number): Promise<MariadbCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-maria-'))
  const servers: MariadbServer[] = []
  const ports: number[] = []
  t.after(async () => {
    await Promise.all(servers.map((server) => server.stop(500)))
    rmSync(folder, { recursive: true, force: true })
  })
  for (let number = 1; number <= count; number++) {
    const path = join(folder, String(number))
    layMariadb(path)
    ports.push(await freeInnerPort())
    servers.push(await startMariadb(path, settingsOf(number, ports.at(-1) ?? 0)))
  }
  const sql = async (server: number, ...statements: string[]) => {
    const socketPath = join(folder, String(server + 1), 's')
    const connection = await createConnection({ socketPath, user: 'root', connectTimeout: 5_000 })
    try {
      const results: unknown[] = []
      for (const statement of statements) results.push(await connection.query(statement))
      return results
    } finally {
      await connection.end()
    }
  }
  await sql(
    0,
    "CREATE USER keeper@'127.0.0.1' IDENTIFIED BY 'secret'",
    `GRANT ${grants.join(', ')}, REPLICA MONITOR, BINLOG MONITOR ON *.* TO keeper@'127.0.0.1'`,
    "CREATE USER shop@'127.0.0.1' IDENTIFIED BY 'secret'",
    'CREATE DATABASE books CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    "GRANT ALL ON books.* TO shop@'127.0.0.1'",
  )
  for (let replica = 1; replica < count; replica++)
    await sql(
      replica,
      `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${ports[0]}, MASTER_USER = 'keeper', MASTER_PASSWORD = 'secret',
         MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos`,
      'SET GLOBAL rpl_semi_sync_slave_enabled = ON',
      'START SLAVE',
    )
  await sql(0, 'SET GLOBAL rpl_semi_sync_master_enabled = ON', 'SET GLOBAL read_only = OFF')
  const positionOf = async (server: number, name: string) =>
    JSON.stringify((await sql(server, `SELECT @@global.${name} AS at`))[0])
  const written = await positionOf(0, 'gtid_binlog_pos')
  for (let replica = 1; replica < count; replica++)
    await until(async () => (await positionOf(replica, 'gtid_slave_pos')) === written, 'a replica follows')
  return {
    ...{ servers, sql },
    url: `mariadb://shop:secret@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/books`,
    addresses: ports.map((port) => ({ host: '127.0.0.1', port, user: 'keeper', password: 'secret' })),
  }
}

/** A server begins as one that takes no writes, and waits for its replicas for as long as it takes. */
function settingsOf(number: number, port: number): string[] {
  return [
    ...['--skip-skip-networking', '--bind-address=127.0.0.1', `--port=${port}`, `--server-id=${number}`],
    ...['--log-bin=log', '--log-slave-updates', '--gtid-strict-mode=ON', '--binlog-format=ROW'],
    ...['--read-only=ON', '--rpl-semi-sync-master-wait-point=AFTER_SYNC', '--skip-slave-start'],
    ...['--rpl-semi-sync-master-timeout=3600000', '--rpl-semi-sync-master-wait-no-slave=ON'],
    ...['--slave-net-timeout=3', '--innodb-flush-log-at-trx-commit=0', '--sync-binlog=0'],
  ]
}
