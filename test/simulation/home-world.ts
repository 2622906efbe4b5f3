import { type KeptState, mayFollow, untold, type Want } from '#kernel/database-turn'
import { decideHome, type Home, type HomeSpec } from '../../src/services/fleet/decisions/home.ts'
import { freshMemory } from '../../src/services/fleet/decisions/model.ts'
import { notAhead } from '../../src/services/fleet/decisions/not-ahead.ts'
import { randomFrom } from '../support/random-from.ts'
import { type Entry, epochOf, isPrefix } from './home-log.ts'

/** What the protocol is robbed of, to see the checks notice. */
export type Weakness =
  | 'no fence by epoch'
  | 'turned goes on confirming'
  | 'opens before a quorum has what it has'
  | 'asynchronous commits'
  | 'one vote is enough'

type Server = {
  name: string
  want: Want | undefined
  log: Entry[]
  isRunning: boolean
  /** As what it runs. */
  role: 'primary' | 'replica'
  /** Whom it receives from. */
  upstream: string
  /** Readers and roles are let in. */
  isOpen: boolean
  /** Entries up to here can be read. */
  visible: number
  /** By follower, how much of the log it has said it has in this run as the primary. */
  confirmed: Map<string, number>
  busyUntil: number
  frozenUntil: number
}
type Message = { at: number; to: string; from: string; run: () => void }

const hub = 'hub'
const ticks = 520
const quietFrom = 280
const tickMs = 500

export type Run = { failure: string | undefined; told: number; moves: number; stalled: boolean }

/** Runs schedules until one goes wrong. */
export function runHomes(firstSeed: number, schedules: number, weakness?: Weakness) {
  let [told, moves] = [0, 0]
  for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
    const run = runHome(seed, weakness)
    told += run.told
    moves += run.moves
    if (run.failure) return { failure: `seed ${seed}: ${run.failure}`, told, moves }
    if (run.stalled && weakness === undefined)
      return { failure: `seed ${seed}: nobody is the primary in the end`, told, moves }
  }
  return { failure: undefined, told, moves }
}

function runHome(seed: number, weakness?: Weakness): Run {
  const random = randomFrom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const names = ['a', 'b', 'c', 'd', 'e'].slice(0, random() < 0.7 ? 3 : 5)
  const servers = new Map(names.map((name) => [name, newServer(name)]))
  const cuts = new Map<string, number>()
  const told = new Set<number>()
  let messages: Message[] = []
  let [tick, nextId, moves] = [0, 1, 0]
  let failure: string | undefined
  /** The latest turn whose primary has opened. */
  let latest = 0
  // The hub's object, with a version; a controller that was frozen writes at an old one and is refused.
  let stored: { version: number; home: Home | undefined } = { version: 0, home: undefined }
  const backups: (typeof stored)[] = []
  const controllers = [0, 1].map(() => ({
    ...{ seen: new Map<string, KeptState>(), frozenUntil: 0, read: stored },
    /** It hears nothing new of the hub, and does not know. */
    deafUntil: 0,
    /** So much its clock is ahead of the others'. */
    aheadMs: 0,
  }))
  let wanted = 'a'

  const isCut = (from: string, to: string) => tick < (cuts.get(`${from}>${to}`) ?? 0)
  const send = (from: string, to: string, run: () => void, lossless = false) => {
    if (isCut(from, to) || (!lossless && random() < 0.05)) return
    messages.push({ at: tick + 1 + below(random() < 0.1 ? 12 : 3), from, to, run })
  }

  for (tick = 0; tick < ticks && failure === undefined; tick++) step()
  check('in the end')
  return { failure, told: told.size, moves, stalled: !openPrimary() }

  function step(): void {
    if (tick < quietFrom) strike()
    else if (tick === quietFrom) calm()
    const due = messages.filter(({ at }) => at <= tick)
    messages = messages.filter(({ at }) => at > tick)
    for (const { from, to, run } of due) {
      const server = servers.get(to)
      if (isCut(from, to)) continue
      if (server !== undefined && tick < server.frozenUntil)
        messages.push({ at: server.frozenUntil, from, to, run })
      else run()
    }
    for (const server of servers.values()) if (tick >= server.frozenUntil) live(server)
    for (const controller of controllers) if (tick >= controller.frozenUntil) control(controller)
  }

  function strike(): void {
    const struck = servers.get(names[below(names.length)] as string) as Server
    const other = [...names, hub][below(names.length + 1)] as string
    if (random() < 0.03) struck.frozenUntil = tick + 5 + below(40)
    if (random() < 0.03) crash(struck)
    if (random() < 0.06) cuts.set(`${struck.name}>${other}`, tick + 5 + below(50))
    if (random() < 0.06) cuts.set(`${other}>${struck.name}`, tick + 5 + below(50))
    // A whole cluster, with the edge that readers of its own use.
    if (random() < 0.02)
      for (const each of [...names, hub])
        for (const way of [`${struck.name}>${each}`, `${each}>${struck.name}`]) cuts.set(way, tick + 40)
    if (random() < 0.02) wanted = names[below(names.length)] as string
    const controller = controllers[below(2)] as (typeof controllers)[number]
    if (random() < 0.03) controller.frozenUntil = tick + 5 + below(30)
    if (random() < 0.03) controller.deafUntil = tick + 5 + below(60)
    if (random() < 0.02) controller.aheadMs = (below(3) - 1) * below(600_000)
    // The hub is put back to an earlier day.
    if (random() < 0.004 && backups.length > 0) {
      const old = backups[below(backups.length)] as typeof stored
      stored = { version: stored.version + 1, home: old.home }
    }
  }

  function calm(): void {
    cuts.clear()
    for (const each of [...servers.values(), ...controllers]) each.frozenUntil = 0
    for (const each of controllers) each.deafUntil = each.aheadMs = 0
  }

  function crash(server: Server): void {
    Object.assign(server, { isRunning: false, isOpen: false, upstream: '', confirmed: new Map() })
    server.busyUntil = tick + 2 + below(6)
  }

  /** One step of a server and of whoever keeps it. */
  function live(server: Server): void {
    converge(server)
    if (server.isRunning && server.role === 'primary') serve(server)
    const state = stateOf(server)
    for (const controller of controllers)
      send(server.name, hub, () => void controller.seen.set(server.name, state))
  }

  /** Makes a server what it was told to be, as `keep-databases` does. */
  function converge(server: Server): void {
    const { want } = server
    if (want === undefined || tick < server.busyUntil) return
    const isPrimary = server.isRunning && server.role === 'primary'
    if (want.state === 'primary') {
      if (!isPrimary) {
        if (server.log.length === 0 && !want.isFirst) return
        // What a server has when it starts can be read: whether anybody has confirmed it or not.
        Object.assign(server, { isRunning: true, role: 'primary', upstream: '', confirmed: new Map() })
        Object.assign(server, { isOpen: false, visible: server.log.length + 1 })
        server.log.push({ epoch: want.epoch, id: 0 })
        if (weakness === 'opens before a quorum has what it has') open(server)
      }
    } else if (isPrimary) {
      if (want.isPlanned) handOver(server)
      crash(server)
    } else {
      if (!server.isRunning) Object.assign(server, { isRunning: true, role: 'replica', isOpen: false })
      const stays = want.state === 'turned' && weakness === 'turned goes on confirming'
      if (!stays) server.upstream = want.state === 'replica' ? want.primary : ''
    }
  }

  /** A clean stop sends what is there to whoever follows. */
  function handOver(server: Server): void {
    for (const other of servers.values())
      if (other.upstream === server.name && !isCut(server.name, other.name) && tick >= other.frozenUntil)
        if (isPrefix(other.log, server.log)) other.log = [...server.log]
  }

  function serve(server: Server): void {
    const want = server.want as Want
    if (random() < 0.7 && server.isOpen) server.log.push({ epoch: epochOf(server), id: nextId++ })
    for (const other of servers.values()) {
      if (other.upstream !== server.name || !other.isRunning) continue
      const [log, run] = [[...server.log], server.confirmed]
      send(server.name, other.name, () => take(other, server, log, run))
    }
    const needed = weakness === 'asynchronous commits' ? 0 : want.quorum
    const counts = [...server.confirmed.values()].sort((a, b) => b - a)
    const safe = needed === 0 ? server.log.length : (counts[needed - 1] ?? 0)
    if (!server.isOpen && safe > 0 && safe >= server.visible) open(server)
    server.visible = server.isOpen ? Math.max(server.visible, safe) : server.visible
    // Whoever waits is told, and whoever asks again by the key finds what can be read.
    if (server.isOpen) for (const { id } of server.log.slice(0, server.visible)) tell(id)
  }

  function tell(id: number): void {
    if (id > 0) told.add(id)
  }

  function open(server: Server): void {
    server.isOpen = true
    moves++
    // One that opens late, when a later turn has begun, shows what there was and can acknowledge nothing.
    const epoch = server.want?.epoch ?? 0
    if (epoch < latest) return
    latest = Math.max(latest, epoch)
    check(`when ${server.name} begins turn ${server.want?.epoch}`, server)
  }

  /** A replica takes what follows on what it has; one of another history is made anew. */
  function take(server: Server, from: Server, log: Entry[], run: Map<string, number>): void {
    if (server.upstream !== from.name || !server.isRunning || from.confirmed !== run) return
    // An older message of the same stream: each turn begins with an entry of its own, so that no other history is one.
    if (!isPrefix(log, server.log)) server.log = [...log]
    const { length } = log
    send(server.name, from.name, () => {
      if (from.confirmed === run) run.set(server.name, Math.max(run.get(server.name) ?? 0, length))
    })
  }

  function stateOf(server: Server): KeptState {
    const { want } = server
    const upstream = servers.get(server.upstream)
    const receives =
      want?.state === 'replica' &&
      upstream?.isRunning === true &&
      upstream.role === 'primary' &&
      !isCut(upstream.name, server.name) &&
      tick >= upstream.frozenUntil
    const isTurned =
      server.role === 'replica' && (server.upstream === '' || weakness === 'turned goes on confirming')
    return {
      ...{ epoch: want?.epoch ?? 0, state: want?.state ?? 'untold', primary: want?.primary ?? '' },
      isAsTold: want?.state === 'primary' ? server.isOpen : want?.state === 'turned' ? isTurned : receives,
      ...{ isRunning: server.isRunning, hasData: server.log.length > 0, receives },
      position: server.log.length === 0 ? null : { epoch: epochOf(server), lsn: String(server.log.length) },
    }
  }

  function control(controller: (typeof controllers)[number]): void {
    // It reads, and writes a little later: another may have written meanwhile.
    const read = controller.read
    if (tick >= controller.deafUntil) controller.read = stored
    const members = names.map((name) => ({ name, address: name }))
    const spec: HomeSpec = { members, wanted, lostAfterMs: 4 * tickMs }
    if (weakness === 'one vote is enough')
      for (const name of names) fakeVote(controller.seen, name, read.home)
    const blind = weakness === 'no fence by epoch' && read.home !== undefined
    const seen = blind ? notLater(controller.seen, read.home?.epoch ?? 0) : controller.seen
    const nowMs = tick * tickMs + controller.aheadMs
    const { homes } = notAhead(
      { ...freshMemory, homes: read.home === undefined ? {} : { 'order-db': read.home } },
      nowMs,
    )
    const { home, wants } = decideHome(spec, seen, homes['order-db'], nowMs)
    if (JSON.stringify(home) !== JSON.stringify(read.home)) {
      if (stored.version !== read.version) return
      stored = { version: stored.version + 1, home }
      if (random() < 0.05) backups.push(stored)
    }
    controller.seen = new Map([...controller.seen].filter(() => random() < 0.9))
    for (const [name, want] of wants) send(hub, name, () => follow(name, want))
  }

  function follow(name: string, want: Want): void {
    const server = servers.get(name) as Server
    if (weakness === 'no fence by epoch' || mayFollow(server.want, want)) server.want = want
  }

  function fakeVote(seen: Map<string, KeptState>, name: string, home: Home | undefined): void {
    const position = { epoch: 0, lsn: '0' }
    const vote = { state: 'turned', isAsTold: true, epoch: home?.epoch ?? 0, position } as const
    if (home?.step === 'turning' && !seen.has(name)) seen.set(name, { ...untold, ...vote })
  }

  function openPrimary(): Server | undefined {
    return [...servers.values()].find(
      (each) => each.isOpen && each.role === 'primary' && each.want?.epoch === stored.home?.epoch,
    )
  }

  function check(when: string, primary = openPrimary()): void {
    if (primary === undefined) return
    const kept = new Set(primary.log.map(({ id }) => id))
    const lost = [...told].filter((id) => !kept.has(id))
    if (lost.length > 0) failure ??= `${when} ${lost.length} orders are lost that were told of`
  }
}

/** Nobody says that he has heard of a later turn. */
const notLater = (seen: ReadonlyMap<string, KeptState>, epoch: number) =>
  new Map([...seen].map(([name, state]) => [name, { ...state, epoch: Math.min(state.epoch, epoch) }]))

const newServer = (name: string): Server => ({
  ...{ name, want: undefined, log: [], isRunning: false, role: 'replica', upstream: '', isOpen: false },
  ...{ visible: 0, confirmed: new Map(), busyUntil: 0, frozenUntil: 0 },
})
