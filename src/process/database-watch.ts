import { type DatabaseState, databaseStateRoute } from '#kernel/database-state'
import { type Clock, every } from '#ports/clock'
import { databaseState } from '#ports/database'
import type { HttpServer } from '#ports/http'
import { type Gauge, type Meter, roleMeter } from '#ports/telemetry'

type Watched = {
  /** The role that owns the database, whose numbers they are. */
  role: string
  name: string
  url: string
  clock: Clock
  server: HttpServer
}

const lookEveryMs = 5_000

/** Looks now and then how the servers of a role's database stand, for its numbers and for whoever asks. */
export function watchDatabase({ role, name, url, clock, server }: Watched): AsyncDisposable {
  const gauges = createGauges(roleMeter(role))
  let latest: DatabaseState | undefined
  const look = async () => {
    latest = await databaseState(name, url)
    show(gauges, latest)
    return latest
  }
  server.add(databaseStateRoute, async () => latest ?? (await look()))
  return every(clock, lookEveryMs, look, { atOnce: true })
}

type Gauges = Record<
  'up' | 'primary' | 'lagSeconds' | 'lagBytes' | 'timeline' | 'failover' | 'reaches' | 'base' | 'failing',
  Gauge
>

function createGauges(meter: Meter): Gauges {
  const gauge = (name: string, help: string, ...labels: string[]) =>
    meter.gauge(name, help, ['database', ...labels])
  return {
    up: gauge('octavo_database_server_up', 'Whether the server answers.', 'server'),
    primary: gauge('octavo_database_server_primary', 'Whether the server is the primary.', 'server'),
    lagSeconds: gauge('octavo_replica_lag_seconds', 'How old what the replica shows is.', 'server'),
    lagBytes: gauge('octavo_replica_lag_bytes', 'What of the log the replica has not applied.', 'server'),
    timeline: gauge('octavo_database_timeline', 'Counts the primaries there have been.'),
    failover: gauge(
      'octavo_database_last_failover_timestamp_seconds',
      'When the primary changed, since 1970.',
    ),
    reaches: gauge('octavo_archive_reaches_timestamp_seconds', 'The newest moment that can be restored.'),
    base: gauge('octavo_backup_timestamp_seconds', 'When the newest base in the archive is from.'),
    failing: gauge('octavo_archive_failing', 'Whether the archive cannot be kept just now.'),
  }
}

function show(gauges: Gauges, { name, timeline, lastFailoverAt, servers, archive }: DatabaseState): void {
  // A server that is there no more, or not known, is not shown.
  for (const gauge of Object.values(gauges)) gauge.clear()
  for (const { server, state, lagSeconds, lagBytes } of servers) {
    gauges.up.set(state === 'away' ? 0 : 1, name, server)
    gauges.primary.set(state === 'primary' ? 1 : 0, name, server)
    if (state === 'replica' && lagSeconds !== null) gauges.lagSeconds.set(lagSeconds, name, server)
    if (state === 'replica' && lagBytes !== null) gauges.lagBytes.set(lagBytes, name, server)
  }
  if (timeline !== null) gauges.timeline.set(timeline, name)
  if (lastFailoverAt !== null) gauges.failover.set(seconds(lastFailoverAt), name)
  if (archive === null) return
  if (archive.reachesTo !== null) gauges.reaches.set(seconds(archive.reachesTo), name)
  if (archive.baseAt !== null) gauges.base.set(seconds(archive.baseAt), name)
  gauges.failing.set(archive.problem === null ? 0 : 1, name)
}

const seconds = (time: string) => Date.parse(time) / 1000
