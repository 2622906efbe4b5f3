import { askOnce } from './ask-once.ts'

/** How a database server says that it stands among its like. */
export type Standing = {
  isReplica: boolean
  /** Counts the primaries there have been; 0 where a replica is asked. */
  timeline: number
  /** How far it has written, or received, as PostgreSQL writes it: `16/B374D848`. */
  lsn: string
  /** Of a replica: it receives from a primary, on this timeline. */
  receives: number | undefined
  /** Of a replica: it has applied all that it has and waits for more. */
  isThrough: boolean
  /** Of a replica: how long ago what it shows was true, at most; 0 when it has all that it received. */
  behindMs: number
  /** How far it can be read. */
  applied: string
  /** Of a replica: how long ago what it applied last was committed; null when it has applied nothing yet. */
  sinceAppliedMs: number | null
  /** Of a primary: the replicas that follow it. */
  followers: Follower[]
}

export type Follower = {
  name: string
  isStreaming: boolean
  isSynchronous: boolean
  lagBytes: number
  lagMs: number
}

type Row = Omit<Standing, 'receives' | 'followers' | 'lsn' | 'applied'> & {
  lsn: string | null
  applied: string | null
  receives: number | null
  followers: Follower[] | null
}

export const standingQuery = `
  SELECT pg_is_in_recovery() AS "isReplica",
    CASE WHEN pg_is_in_recovery() THEN 0
      ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
    (CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
      ELSE pg_current_wal_lsn() END)::text AS lsn,
    (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text AS applied,
    (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 AS "sinceAppliedMs",
    (SELECT received_tli FROM pg_stat_wal_receiver WHERE status = 'streaming') AS receives,
    -- Source: PostgreSQL manual, 27.2.3 "pg_stat_activity", of the startup process.
    EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
      AND wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')) AS "isThrough",
    CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
      ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000, 0) END::float8 AS "behindMs",
    (SELECT json_agg(json_build_object('name', application_name, 'isStreaming', state = 'streaming',
        'isSynchronous', sync_state IN ('sync', 'quorum'),
        'lagBytes', CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END,
        'lagMs', coalesce(extract(epoch FROM replay_lag) * 1000, 0)))
      FROM pg_stat_replication r
      -- Who reads what was changed, by logical decoding, is no replica.
      WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
    ) AS followers`

/** @param rows the answer to `standingQuery` */
export function standingOf(rows: readonly unknown[]): Standing | undefined {
  const [row] = rows as Row[]
  if (row === undefined) return undefined
  return {
    ...row,
    lsn: row.lsn ?? '0/0',
    applied: row.applied ?? '0/0',
    receives: row.receives ?? undefined,
    followers: (row.followers ?? []).map((each) => ({ ...each, lagBytes: Number(each.lagBytes) })),
  }
}

/** Asks a server, on a connection of its own. @returns undefined when it does not answer within `limitMs` */
export async function askStanding(url: string, limitMs: number): Promise<Standing | undefined> {
  try {
    return standingOf(await askOnce(url, standingQuery, limitMs))
  } catch {
    // Away, starting or frozen: that it says nothing is the answer.
    return undefined
  }
}
