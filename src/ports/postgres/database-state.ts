import type { DatabaseState, ServerState } from '#kernel/database-state'
import { addressesIn } from './addresses.ts'
import { askOnce } from './ask-once.ts'
import { parseLsn } from './lsn.ts'
import { askStanding, type Standing } from './standing.ts'

/** Asks every server of a database how it stands, each for up to `limitMs`. */
export async function askState(name: string, url: string, limitMs: number): Promise<DatabaseState> {
  const addresses = addressesIn(url)
  const found = await Promise.all(
    addresses.map(async (address) => ({ address, standing: await askStanding(address, limitMs) })),
  )
  const primary = found.find(({ standing }) => standing?.isReplica === false)
  const more = primary === undefined ? undefined : await askMore(primary.address, limitMs)
  const servers = found.map(({ address, standing }) =>
    serverState(serverName(address), standing, primary?.standing),
  )
  // One address may stand for several servers; the primary knows who follows it.
  const others = addresses.length > 1 ? [] : (primary?.standing?.followers ?? []).map(followerState)
  return {
    name,
    timeline: primary?.standing?.timeline ?? null,
    lastFailoverAt: more?.failoverAt ?? null,
    servers: [...servers, ...others],
    archive: more?.archive ?? null,
  }
}

/** Where a server is, without its password; one in a store's own folder by the name of that. */
export function serverName(address: string): string {
  const url = new URL(address)
  const folder = url.searchParams.get('host')
  if (folder === null) return url.host
  return (
    folder
      .replace(/\/socket$/, '')
      .split('/')
      .at(-1) ?? folder
  )
}

function serverState(
  server: string,
  standing: Standing | undefined,
  primary: Standing | undefined,
): ServerState {
  if (standing === undefined) return { server, state: 'away', lagSeconds: null, lagBytes: null }
  if (!standing.isReplica) return { server, state: 'primary', lagSeconds: 0, lagBytes: 0 }
  if (primary === undefined) return { server, state: 'replica', lagSeconds: null, lagBytes: null }
  const followed = primary.followers.find(({ name, isStreaming }) => name === server && isStreaming)
  if (followed) return followerState(followed)
  // They were asked at almost the same moment: what is written in between is no lag.
  const bytes = parseLsn(primary.applied) - parseLsn(standing.applied)
  const lagBytes = Number(bytes > 0n ? bytes : 0n)
  const behindMs = standing.sinceAppliedMs
  const lagSeconds = lagBytes === 0 ? 0 : behindMs === null ? null : behindMs / 1000
  return { server, state: 'replica', lagSeconds, lagBytes }
}

const followerState = ({ name, lagBytes, lagMs }: Standing['followers'][number]): ServerState => ({
  server: name,
  state: 'replica',
  lagSeconds: lagMs / 1000,
  lagBytes,
})

type More = { failoverAt: string | null; archive: DatabaseState['archive'] }

/** What the primary alone knows, as far as this user may ask for it. */
async function askMore(url: string, limitMs: number): Promise<More | undefined> {
  try {
    const [more] = await askOnce<{ failoverAt: Date | null; isArchived: boolean }>(
      url,
      failoverQuery,
      limitMs,
    )
    const [kept] = more?.isArchived ? await askOnce<Archived>(url, archiveQuery, limitMs) : []
    return { failoverAt: iso(more?.failoverAt), archive: archiveIn(kept) }
  } catch {
    // It has gone since it said that it is the primary, or does not let this user look.
    return undefined
  }
}

/** Each promotion leaves a history file, written then. Source: PostgreSQL's timeline.c. */
const failoverQuery = `
  SELECT CASE WHEN has_function_privilege('pg_ls_waldir()', 'execute') THEN
      (SELECT modification FROM pg_ls_waldir()
        WHERE name = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history') END AS "failoverAt",
    to_regclass('octavo_archive.state') IS NOT NULL AS "isArchived"`
const archiveQuery =
  'SELECT reaches_to AS "reachesTo", base_at AS "baseAt", problem FROM octavo_archive.state'

const iso = (time: Date | null | undefined) => time?.toISOString() ?? null

type Archived = { reachesTo: Date | null; baseAt: Date | null; problem: string | null }

function archiveIn(row: Archived | undefined) {
  if (row === undefined) return null
  return { reachesTo: iso(row.reachesTo), baseAt: iso(row.baseAt), problem: row.problem }
}
