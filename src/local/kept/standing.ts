import { chownSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogPosition, Want } from '#kernel/database-turn'
import { findPostgres } from '../postgres-binaries.ts'
import type { KeptServer } from './kept-server.ts'

/** How a server stands. */
export type Look = {
  isReplica: boolean
  receives: boolean
  /** It receives from nobody, may begin to with nobody, and has applied all that it has: its position is its vote. */
  isFinal: boolean
  position: LogPosition | null
}

type Row = {
  isReplica: boolean
  receivers: number
  streaming: boolean
  conninfo: string
  lsn: string | null
  waits: string | null
  hasTurns: boolean
}

const promoteLimitMs = 40_000
const stepLimitMs = 10_000

const question = `
  SELECT pg_is_in_recovery() AS "isReplica",
    (SELECT count(*)::int FROM pg_stat_wal_receiver) AS receivers,
    EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS streaming,
    current_setting('primary_conninfo') AS conninfo,
    pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
      ELSE pg_current_wal_flush_lsn() END, '0/0')::text AS lsn,
    (SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'startup') AS waits,
    to_regclass('octavo_turns') IS NOT NULL AS "hasTurns"`

/** @throws Error when it does not answer in time */
export async function look(server: Pick<KeptServer, 'ask'>): Promise<Look> {
  const [row] = await server.ask<Row>(question)
  if (row === undefined) throw new Error('it says nothing of how it stands')
  // One that waits for more has applied everything; one that waits for a reader has not.
  const waitsForMore = /^Recovery(RetrieveRetryInterval|WalStream)$/.test(row.waits ?? '')
  const turns = row.hasTurns
    ? await server.ask<{ epoch: string | null }>('SELECT max(epoch) AS epoch FROM octavo_turns')
    : []
  return {
    ...{ isReplica: row.isReplica, receives: row.streaming },
    isFinal: row.isReplica && row.receivers === 0 && row.conninfo === '' && waitsForMore,
    position: row.lsn === null ? null : { epoch: Number(turns[0]?.epoch ?? 0), lsn: row.lsn },
  }
}

/**
 * Makes a replica the primary. Nobody is connected meanwhile but its keeper and replicas: what it has that no quorum has
 * may not be seen. Its timeline is numbered by the turn, so that no two primaries ever give theirs one number.
 */
export async function promote(server: KeptServer, { epoch }: Want): Promise<void> {
  await server.ask(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> 'octavo keeper'`,
    stepLimitMs,
  )
  const [row] = await server.ask<{ timeline: number }>(
    'SELECT timeline_id AS timeline FROM pg_control_checkpoint()',
  )
  // A server takes the number after the last history that it finds. Source: PostgreSQL's findNewestTimeLine.
  for (let number = (row?.timeline ?? 1) + 1; number < epoch; number++) plantHistory(server.cluster, number)
  await server.ask('SELECT pg_promote(true, 30)', promoteLimitMs)
}

function plantHistory(cluster: string, number: number): void {
  const file = join(cluster, 'pg_wal', `${number.toString(16).toUpperCase().padStart(8, '0')}.history`)
  if (existsSync(file)) return
  writeFileSync(file, '', { mode: 0o600 })
  const { runAs } = findPostgres()
  if (runAs.kind === 'user') chownSync(file, runAs.uid, runAs.gid)
}

/** Writes down in the database itself that a turn begins, for every log to say which turns it knows. @returns up to where */
export async function beginTurn(server: Pick<KeptServer, 'ask'>, { epoch, primary }: Want): Promise<string> {
  // Waited for by hand, and by the position: this connection must not hang with the replicas.
  await server.ask(
    `SET synchronous_commit = local;
     CREATE TABLE IF NOT EXISTS octavo_turns (epoch bigint PRIMARY KEY, cluster text NOT NULL, begun_at timestamptz NOT NULL);
     INSERT INTO octavo_turns VALUES (${Number(epoch)}, '${primary.replaceAll("'", "''")}', now())
     ON CONFLICT (epoch) DO UPDATE SET begun_at = now()`,
    stepLimitMs,
  )
  const [row] = await server.ask<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  return row?.lsn ?? 'FFFFFFFF/FFFFFFFF'
}

/** Whether a quorum of replicas has everything up to there on disk. */
export async function isConfirmed(
  server: Pick<KeptServer, 'ask'>,
  { quorum, members }: Want,
  lsn: string,
): Promise<boolean> {
  if (quorum === 0) return true
  const names = members.map(({ name }) => `'${name.replaceAll("'", "''")}'`).join(', ')
  const [row] = await server.ask<{ count: number }>(
    `SELECT count(DISTINCT application_name)::int AS count FROM pg_stat_replication
      WHERE application_name IN (${names}) AND state = 'streaming' AND flush_lsn >= '${lsn}'`,
  )
  return (row?.count ?? 0) >= quorum
}

/** Makes the database that roles use, where there is none. */
export async function ensureDatabase(server: Pick<KeptServer, 'ask'>, name: string): Promise<void> {
  const found = await server.ask(`SELECT 1 FROM pg_database WHERE datname = '${name}'`)
  if (found.length === 0) await server.ask(`CREATE DATABASE "${name}"`, stepLimitMs)
}
