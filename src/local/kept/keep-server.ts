import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  isFurther,
  type KeptState,
  type LogPosition,
  mayFollow,
  untold,
  type Want,
} from '#kernel/database-turn'
import { type Clock, every } from '#ports/clock'
import { logger } from '#ports/log'
import { copyServer } from './copy-server.ts'
import { type KeptServer, openKeptServer } from './kept-server.ts'
import { type ServerTls, serverTls } from './server-tls.ts'
import { beginTurn, ensureDatabase, isConfirmed, type Look, look, promote } from './standing.ts'
import { readTurn, writeTurn } from './turn-file.ts'

export type KeepOptions = {
  /** The cluster that this is in: the server's name among the others. */
  cluster: string
  name: string
  /** The database that roles use. */
  database: string
  path: string
  password: string
  host: string
  port: number
  /** Folder of its certificate, see `serverTls`; undefined where connections are not encrypted. */
  tls: string | undefined
  clock: Clock
}

/** Makes one server of a database what the fleet wants it to be, again and again. */
export type ServerKeeper = AsyncDisposable & {
  state(): KeptState
  /** @returns false when it goes by a later turn, or has begun this one as something else */
  follow(want: Want): boolean
}

const log = logger('keeper')
const roundMs = 200
const stopLimitMs = 10_000
const afterFailureMs = 500
/** A replica that runs and receives nothing for so long has parted from its primary's log, and is made anew. */
const astrayAfterMs = 8_000
const astray = /not in this server's history|forked off|has already been removed|not a child of/

/** @throws StartError when what it was told last cannot be read */
export function keepServer(options: KeepOptions): ServerKeeper {
  mkdirSync(options.path, { recursive: true, mode: 0o700 })
  const keeping = new Keeping(options)
  const rounds = every(options.clock, roundMs, () => keeping.round(), { atOnce: true })
  return {
    state: () => keeping.state(),
    follow: (want) => keeping.follow(want),
    async [Symbol.asyncDispose]() {
      keeping.stop()
      await rounds[Symbol.asyncDispose]()
      await keeping.server.stop(stopLimitMs)
    },
  }
}

class Keeping {
  readonly server: KeptServer
  readonly #options: KeepOptions
  readonly #tls: ServerTls
  readonly #stopping = new AbortController()
  #want: Want | undefined
  /** As what the server was started, and what it was last told of its settings. */
  #runsAs: 'primary' | 'replica' | undefined
  #applied = ''
  /** Set once what this primary has is with a quorum, in this run of it. */
  #isOpen = false
  /** Where this run's beginning is in the log. */
  #beganAt = ''
  /** The turn in which what it has was held against what the primary began with. */
  #comparedIn = 0
  #look: Look | undefined
  #receivedMs = 0
  #isAstray = false
  #complaint = ''
  #copying: AbortController | undefined

  constructor(options: KeepOptions) {
    this.#options = options
    const { path, password, host, port, name } = options
    this.#want = readTurn(path)
    this.#tls = serverTls(options.tls, join(path, 'tls'))
    this.server = openKeptServer({
      ...{ path, password, host, port, tls: this.#tls },
      log: (line) => {
        if (astray.test(line)) this.#isAstray = true
        log.debug(line, { database: name })
      },
      onExit: () => this.#ended(),
    })
  }

  follow(want: Want): boolean {
    if (!mayFollow(this.#want, want)) return false
    if (JSON.stringify(want) === JSON.stringify(this.#want)) return true
    writeTurn(this.#options.path, want)
    const { epoch, state, primary } = want
    if (epoch !== this.#want?.epoch || state !== this.#want.state)
      log.info('a database begins a turn', { database: this.#options.name, epoch, state, primary })
    this.#want = want
    this.#copying?.abort(new Error('another turn begins'))
    return true
  }

  stop(): void {
    this.#stopping.abort()
    this.#copying?.abort(new Error('it is stopped'))
  }

  state(): KeptState {
    const want = this.#want
    const now = this.#look
    const base = { ...untold, hasData: this.server.hasData(), isRunning: this.server.isRunning }
    if (want === undefined) return base
    const { epoch, state, primary } = want
    const receives = state === 'replica' && this.#runsAs === 'replica' && now?.receives === true
    const isTurned = this.#runsAs === 'replica' && now?.isFinal === true
    const isAsTold = state === 'primary' ? this.#isOpen : state === 'turned' ? isTurned : receives
    return { ...base, epoch, state, primary, receives, isAsTold, position: now?.position ?? null }
  }

  async round(): Promise<void> {
    const want = this.#want
    if (want === undefined || this.#stopping.signal.aborted) return
    try {
      if (want.state === 'primary') await this.#lead(want)
      else if (this.#runsAs === 'primary') await this.#stepDown(want)
      else if (want.state === 'turned') await this.#turn(want)
      else await this.#replicate(want)
      this.#complaint = ''
    } catch (error) {
      this.#look = undefined
      this.#complain(want, error as Error)
      // Called off by the end.
      await this.#options.clock.sleep(afterFailureMs, this.#stopping.signal).catch(() => {})
    }
  }

  /** Once for each thing that is wrong: it is tried again and again. */
  #complain({ state }: Want, error: Error): void {
    if (this.#stopping.signal.aborted || error.message === this.#complaint) return
    this.#complaint = error.message
    const about = { database: this.#options.name, state, error: error.message }
    log.warn('a database server is not what it should be, and is looked after again', about)
  }

  /** Lets roles in only once what it has is with a quorum: nobody may be shown what could still be lost. */
  async #lead(want: Want): Promise<void> {
    if (!this.server.isRunning) {
      if (!this.server.hasData() && !want.isFirst) throw new Error('it has no data to be the primary with')
      await this.#start(want, this.server.isReplicaOnDisk() ? 'replica' : 'primary')
    }
    await this.#apply(want, '', this.#isOpen)
    if (this.#runsAs === 'replica') {
      // What it had when it turned is no vote in a turn that begins meanwhile.
      this.#look = undefined
      await promote(this.server, want)
      this.#runsAs = 'primary'
    }
    if (!this.#isOpen) {
      this.#beganAt ||= await beginTurn(this.server, want)
      if (!(await isConfirmed(this.server, want, this.#beganAt))) return
      await ensureDatabase(this.server, this.#options.database)
      await this.#apply(want, '', true)
      this.#isOpen = true
      log.info('a database has its primary here', this.#about(want))
    }
    this.#look = await look(this.server)
  }

  async #stepDown(want: Want): Promise<void> {
    log.info('a database leaves its primary here', this.#about(want))
    this.#isOpen = false
    // In peace whoever follows gets everything; otherwise nobody may see what only this one has.
    if (want.isPlanned) await this.#stopInPeace()
    else if (!(await this.server.kill())) throw new Error('the server cannot be ended')
    this.#ended()
  }

  /** Its stop writes whatever is not in its files yet; most of that is written while it still takes orders. */
  async #stopInPeace(): Promise<void> {
    await this.server.ask('CHECKPOINT').catch((error: Error) => {
      log.warn('a database server stops without a checkpoint before', { error: error.message })
    })
    await this.server.stop(stopLimitMs)
  }

  async #turn(want: Want): Promise<void> {
    if (!this.server.hasData()) return
    if (!this.server.isRunning) await this.#start(want, 'replica')
    await this.#apply(want, '', true)
    this.#look = await look(this.server)
  }

  async #replicate(want: Want): Promise<void> {
    const address = want.members.find(({ name }) => name === want.primary)?.address ?? ''
    if (!this.server.hasData()) return await this.#copy(want, address)
    // What it has is known before it follows anybody: it may be what nobody else has.
    if (this.#comparedIn !== want.epoch) {
      await this.#turn(want)
      if (this.#want !== want || this.#look?.isFinal !== true) return
      const { position } = this.#look
      // From here on it may receive or be made anew: what was final is so no more, whatever turn begins meanwhile.
      this.#look = undefined
      if (hasParted(position, want)) return await this.#copy(want, address)
      this.#comparedIn = want.epoch
    }
    if (!this.server.isRunning) await this.#start(want, 'replica', this.#conninfo(address))
    await this.#apply(want, this.#conninfo(address), true)
    this.#look = await look(this.server)
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#look.receives) this.#receivedMs = nowMs
    else if (this.#isAstray && nowMs - this.#receivedMs > astrayAfterMs) await this.#copy(want, address)
  }

  async #copy(want: Want, address: string): Promise<void> {
    if (!(await this.server.kill())) throw new Error('the server cannot be ended')
    this.#ended()
    const copying = new AbortController()
    this.#copying = copying
    try {
      const { password } = this.#options
      const url = `postgres://octavo:${encodeURIComponent(password)}@${address}/postgres`
      await copyServer(url, this.server.cluster, copying.signal, this.#tls.client())
      log.info('a replica was made anew, by a copy of the primary', this.#about(want))
    } finally {
      this.#copying = undefined
    }
    this.#isAstray = false
    this.#comparedIn = want.epoch
  }

  async #start(want: Want, as: 'primary' | 'replica', conninfo = ''): Promise<void> {
    this.#runsAs = undefined
    this.#isAstray = false
    this.#receivedMs = this.#options.clock.monotonicMs()
    // One that is made now has its settings after its start.
    await this.server.apply(this.#settings(want, conninfo, as === 'replica'))
    await this.server.start({ asReplica: as === 'replica', mayMake: want.isFirst })
    this.#runsAs = as
  }

  async #apply(want: Want, conninfo: string, isOpen: boolean): Promise<void> {
    const settings = this.#settings(want, conninfo, isOpen)
    const text = JSON.stringify(settings) + this.#tls.mark()
    if (text === this.#applied) return
    await this.server.apply(settings)
    this.#applied = text
  }

  #settings({ epoch, members, quorum }: Want, conninfo: string, isOpen: boolean) {
    const names = members.map(({ name }) => `"${name}"`).join(', ')
    return { epoch, conninfo, isOpen, synchronous: quorum === 0 ? '' : `ANY ${quorum} (${names})` }
  }

  #conninfo(address: string): string {
    const { cluster, password } = this.#options
    const { hostname: host, port } = new URL(`postgres://${address}`)
    const values = { host, port, user: 'octavo', password, dbname: 'postgres', application_name: cluster }
    const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
    return Object.entries({ ...values, ...this.#tls.conninfo, connect_timeout: '2' })
      .map(([key, value]) => `${key}=${quoted(value)}`)
      .join(' ')
  }

  #ended(): void {
    this.#isOpen = false
    this.#beganAt = ''
    this.#runsAs = undefined
    this.#look = undefined
    this.#applied = ''
  }

  #about = ({ epoch, primary }: Want) => ({ database: this.#options.name, epoch, primary })
}

/** Whether it has what this turn did not begin with. One that knows this turn already is of its history. */
function hasParted(position: LogPosition | null, { from, epoch }: Want): boolean {
  if (position === null) return true
  return from !== null && position.epoch < epoch && isFurther(position, from)
}
