import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hungBecause, isActive, type LivenessLimits, type ProcessorTime, processorTime } from '../liveness.ts'
import { type PostgresServer, serverOn, socketFolder, startPostgres, urlOf } from '../postgres-server.ts'
import { identify, isRunning, killAll, killAllIn, type ProcessIdentity } from '../process-identity.ts'
import { type Answer, probe } from './probe.ts'

/** One of the servers of a database, as primary or replica. */
export type Member = {
  readonly number: number
  readonly name: string
  readonly cluster: string
  readonly process: ProcessIdentity | undefined
  /** What it said when it was last asked, unless that is too long ago. */
  readonly answer: Answer | undefined
  /** It has said that it is not of the same history as its primary, or too far behind to follow. */
  readonly isAstray: boolean
  /** Of a replica: it has been seen to receive what comes, so that what it says of its position is all that it has. */
  isExact: boolean
  url(database: string): string
  /** Whether it has a cluster, and as what it would start. */
  kept(): 'nothing' | 'replica' | 'primary'
  /** Starts on what is in its folder. @throws PostgresUnavailable */
  start(options?: { mayMake?: boolean }): Promise<void>
  /** From now on it is a replica of that one, also when it starts the next time. */
  follow(primary: Member): void
  /** Whether it takes new transactions that write. @returns whether that is a change */
  takeWrites(may: boolean): boolean
  /** Asks how it stands. @returns why it counts as lost, or undefined */
  look(): Promise<string | undefined>
  /** Runs one statement: where there are connections at all, on the one that asks how it stands. */
  ask<Row>(sql: string, limitMs: number): Promise<Row[]>
  /** Ends it and everything of it at once; true when nothing of it runs any more. */
  fence(): Promise<boolean>
  ensureDatabase(database: string): Promise<void>
  stop(graceMs?: number): Promise<void>
}

export type MemberOptions = {
  number: number
  name: string
  path: string
  password: string
  settings: Readonly<Record<string, string>>
  limits: LivenessLimits
  log: (line: string) => void
  signal: AbortSignal
  onChange: () => void
}

/** What servers say of each other's going, which is told in fewer words. */
const expected =
  /replication receiver|WAL stream|end-of-streaming|unexpected postmaster exit|server terminated abnormally|while processing the request|accepting connections on that socket|administrator command|the database system is|closed the connection unexpectedly|invalid socket|no COPY in progress|Consistent recovery state/
const astray = /not in this server's history|forked off|has already been removed|has been invalidated/

const lastProbeMs = 60
const sayAgainMs = 60_000
const rememberedMax = 100

export function openMember(options: MemberOptions): Member {
  const { number, name, path, password, onChange } = options
  const cluster = join(path, 'data')
  const socket = socketFolder(path)
  const url = (of: string) => urlOf(of, password, [socket])
  let server: PostgresServer | undefined
  let identity: ProcessIdentity | undefined
  const upstream = { conninfo: '', takesWrites: true }
  const health = watchHealth(url('postgres'), options.limits)
  let isAstray = false
  let isExact = false
  const isNew = unrepeated()
  const log = (line: string) => {
    if (astray.test(line)) isAstray = true
    if (!expected.test(line) && isNew(line)) options.log(line)
  }

  const configure = () => {
    if (!existsSync(cluster)) return
    writeFileSync(join(cluster, 'postgresql.auto.conf'), configuration(upstream, number), { mode: 0o600 })
    // One that is still on its way up may be waiting for a primary that has gone.
    const running = identity ?? serverOn(cluster)
    if (running && isRunning(running)) process.kill(running.pid, 'SIGHUP')
  }
  const ended = () => {
    server = undefined
    identity = undefined
    health.reset()
    onChange()
  }
  return {
    ...{ number, name, cluster, url },
    get process() {
      return identity
    },
    get answer() {
      return health.answer
    },
    get isAstray() {
      return isAstray
    },
    get isExact() {
      return isExact
    },
    set isExact(is) {
      isExact = is
    },
    kept() {
      if (!existsSync(join(cluster, 'PG_VERSION'))) return 'nothing'
      return existsSync(join(cluster, 'standby.signal')) ? 'replica' : 'primary'
    },
    async start({ mayMake = false } = {}) {
      upstream.takesWrites = true
      isAstray = false
      isExact = false
      configure()
      const { settings, signal } = options
      server = await startPostgres({
        path,
        password,
        settings,
        log,
        mayMake,
        ...(signal && { signal }),
        onExit: ended,
      })
      identity = identify(server.pid)
      health.begin(server.pid)
      onChange()
    },
    follow(primary) {
      upstream.conninfo = conninfo(primary, name, password)
      if (existsSync(cluster)) writeFileSync(join(cluster, 'standby.signal'), '', { mode: 0o600 })
      if (!identity && !serverOn(cluster)) dropSlots(cluster)
      configure()
    },
    takeWrites(may) {
      if (upstream.takesWrites === may) return false
      upstream.takesWrites = may
      configure()
      return true
    },
    async look() {
      if (!identity || !isRunning(identity)) return 'has ended'
      if (existsSync(join(cluster, 'postmaster.pid'))) return await health.look()
      // It would notice within a minute; until then it confirms what it can keep no more.
      health.reset()
      return 'has lost its folder'
    },
    ask: health.ask,
    async fence() {
      const isHeadless = identity === undefined || !isRunning(identity)
      const isGone = identity === undefined || (await killAll(identity))
      // Its sessions outlive one that died alone by as long as they are frozen.
      if (!isGone || (isHeadless && !(await killAllIn(cluster, /postgres/)))) return false
      ended()
      return true
    },
    ensureDatabase: async (of) => await server?.ensureDatabase(of),
    async stop(graceMs) {
      health.reset()
      await server?.stop(graceMs)
      server = undefined
      identity = undefined
    },
  }
}

/** A replica whose disk is full says so ten times a second, each time with another number. */
function unrepeated(): (line: string) => boolean {
  let said = new Map<string, number>()
  return (line) => {
    const text = line.replace(/\d+/g, '0')
    const nowMs = performance.now()
    if (nowMs - (said.get(text) ?? Number.NEGATIVE_INFINITY) < sayAgainMs) return false
    if (said.size >= rememberedMax) said = new Map()
    said.set(text, nowMs)
    return true
  }
}

/** What those who followed it had not fetched is nobody's any more, and would be kept for ever. */
function dropSlots(cluster: string): void {
  const folder = join(cluster, 'pg_replslot')
  if (!existsSync(folder)) return
  for (const slot of readdirSync(folder)) rmSync(join(folder, slot), { recursive: true, force: true })
}

/** Reloaded without a restart. Source: PostgreSQL manual, 19.6.3 "Standby Servers". */
function configuration(
  { conninfo, takesWrites }: { conninfo: string; takesWrites: boolean },
  number: number,
): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
  const lines = [
    ...(conninfo
      ? [`primary_conninfo = ${quoted(conninfo)}`, `primary_slot_name = ${quoted(slotOf(number))}`]
      : []),
    // Who writes is told at once, instead of waiting for replicas that are not there.
    `default_transaction_read_only = ${takesWrites ? 'off' : 'on'}`,
  ]
  return `${lines.join('\n')}\n`
}

export const slotOf = (number: number) => `octavo_${number}`

function conninfo(primary: Member, name: string, password: string): string {
  const host = new URL(primary.url('postgres')).searchParams.get('host') ?? ''
  const values = { host, port: '5432', user: 'octavo', password, dbname: 'postgres', application_name: name }
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return Object.entries({ ...values, connect_timeout: '2' })
    .map(([key, value]) => `${key}=${quoted(value)}`)
    .join(' ')
}

/** Asks a server how it stands, and tells silence from being kept from the processor. */
function watchHealth(url: string, limits: LivenessLimits) {
  const asking = probe(url)
  let signs = { answeredMs: 0, activeMs: 0 }
  let work: ProcessorTime[] = []
  let lookedMs = 0
  let pid = 0
  let answer: Answer | undefined
  const reset = () => {
    asking.close()
    answer = undefined
  }
  const begin = (of: number) => {
    reset()
    pid = of
    lookedMs = performance.now()
    signs = { answeredMs: lookedMs, activeMs: lookedMs }
  }
  /** Until its silence is too long; a connection that stands may take all of that, for what it does can be seen. */
  const timeoutMs = () => {
    const idleMs = performance.now() - Math.max(signs.answeredMs, signs.activeMs)
    const leftMs = limits.idleMs - idleMs
    // Timers cut fractions off: what ends too early is too little, and would be asked once more.
    const lastsMs = Math.max(Math.ceil(leftMs) + 1, lastProbeMs)
    return asking.backend === undefined ? Math.min(lastsMs, limits.probeTimeoutMs) : lastsMs
  }
  /** What was done since the last time was done by now, and no later. */
  const seeWork = (nowMs: number, backend: number | undefined) => {
    const before = work
    work = [pid, backend].map((each) => (each === undefined ? undefined : processorTime(each)))
    const isWorking = work.some(
      (now, index) => now !== undefined && before[index] !== undefined && isActive(before[index], now),
    )
    if (isWorking) signs.activeMs = nowMs
  }
  const look = async () => {
    const asked = asking.backend
    seeWork(performance.now(), asked)
    const limitMs = timeoutMs()
    const given = await asking.ask(limitMs)
    const nowMs = performance.now()
    // Where this process was kept from looking, the silence was its own.
    const ownPauseMs = Math.max(0, nowMs - lookedMs - limits.probeEveryMs - limitMs)
    lookedMs = nowMs
    // One that was too slow has been given up, and may still be seen waiting for the processor.
    seeWork(nowMs, asking.backend ?? asked)
    answer = given
    signs.answeredMs = given ? nowMs : signs.answeredMs + ownPauseMs
    return hungBecause(signs, nowMs, limits)
  }
  return {
    begin,
    reset,
    look,
    ask: asking.run,
    get answer() {
      return answer
    },
  }
}
