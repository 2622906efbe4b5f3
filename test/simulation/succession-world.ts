import { chooseSuccessor, quorumOf, type Vote } from '#kernel/succession'
import { randomFrom } from '../support/random-from.ts'

/** What the rule is robbed of, to see the checks notice. */
export type Weakness =
  | 'too few votes'
  | 'votes while still receiving'
  | 'first that answers'
  | 'one confirmation'
  | 'votes of strangers'

type Entry = { term: number; id: number }
type Server = {
  name: string
  /** The primary's term that it follows, or is the primary of. */
  term: number
  /** It confirms nothing of a term before this one. */
  promised: number
  isPrimary: boolean
  log: Entry[]
  frozenUntil: number
  /** Ticks that it cannot be reached, by servers and supervisor alike. */
  cutUntil: number
}
type Message =
  | { kind: 'append'; from: Server; to: Server; term: number; log: Entry[]; at: number }
  | { kind: 'confirm'; from: Server; to: Server; term: number; length: number; at: number }

const replicas = 4
const ticks = 160

/** Runs schedules until one goes wrong. Servers are a log each; the supervisor follows the real rule. */
export function runSuccessions(firstSeed: number, schedules: number, weakness?: Weakness) {
  let acknowledged = 0
  let promotions = 0
  for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
    const world = createWorld(seed, weakness)
    for (let tick = 0; tick < ticks; tick++) world.step(tick)
    acknowledged += world.acknowledged.size
    promotions += world.promotions()
    const failure = world.failure()
    if (failure) return { failure: `seed ${seed}: ${failure}`, acknowledged, promotions }
  }
  return { failure: undefined, acknowledged, promotions }
}

function createWorld(seed: number, weakness?: Weakness) {
  const random = randomFrom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const servers = Array.from({ length: replicas + 1 }, (_, index): Server => {
    const name = `s${index + 1}`
    return { name, term: 1, promised: 1, isPrimary: index === 0, log: [], frozenUntil: 0, cutUntil: 0 }
  })
  const acknowledged = new Map<number, number>()
  const confirmed = new Map<string, Set<string>>()
  let messages: Message[] = []
  let failure: string | undefined
  let promotions = 0
  let nextId = 1
  const supervisor = {
    term: 1,
    primary: servers[0] as Server,
    silentMs: 0,
    followers: new Set(servers.slice(1)),
  }
  const needed = weakness === 'one confirmation' ? 1 : quorumOf(replicas)

  function step(tick: number): void {
    strike(tick)
    for (const server of servers) if (server.isPrimary && tick >= server.frozenUntil) write(server, tick)
    const due = messages.filter(({ at }) => at <= tick)
    messages = messages.filter(({ at }) => at > tick)
    for (const message of due) deliver(message, tick)
    supervise(tick)
  }

  function strike(tick: number): void {
    const struck = servers[below(servers.length)] as Server
    if (random() < 0.04) struck.frozenUntil = tick + 5 + below(30)
    if (random() < 0.04) struck.cutUntil = tick + 5 + below(40)
  }

  /** A primary does not know that it has been replaced: it goes on as long as it lives. */
  function write(primary: Server, tick: number): void {
    if (random() < 0.6) primary.log.push({ term: primary.term, id: nextId++ })
    for (const to of servers)
      if (to !== primary)
        send(
          {
            kind: 'append',
            from: primary,
            to,
            term: primary.term,
            log: [...primary.log],
            at: tick + 1 + below(6),
          },
          tick,
        )
  }

  function send(message: Message, tick: number): void {
    const isCut = tick < message.from.cutUntil || tick < message.to.cutUntil
    if (!isCut && random() > 0.15) messages.push(message)
  }

  function deliver(message: Message, tick: number): void {
    const { to } = message
    if (tick < to.cutUntil) return
    if (tick < to.frozenUntil) {
      messages.push({ ...message, at: to.frozenUntil })
      return
    }
    if (message.kind === 'append') append(message, tick)
    else if (to.isPrimary && message.term === to.term) confirm(message)
  }

  function append({ from, to, term, log }: Extract<Message, { kind: 'append' }>, tick: number): void {
    if (term < to.promised && weakness !== 'votes while still receiving') return
    if (to.isPrimary && to.term >= term) return
    if (term < to.term || (term === to.term && log.length <= to.log.length)) return
    // One of another history than the primary's is made anew, as a whole.
    Object.assign(to, { isPrimary: false, term, log: [...log], promised: Math.max(to.promised, term) })
    if (term === supervisor.term) supervisor.followers.add(to)
    send({ kind: 'confirm', from: to, to: from, term, length: log.length, at: tick + 1 + below(4) }, tick)
  }

  function confirm({ from, to, length }: Extract<Message, { kind: 'confirm' }>): void {
    for (const [index, { id }] of to.log.entries()) {
      if (index >= length || acknowledged.has(id)) continue
      const key = `${to.term}:${index}`
      const by = confirmed.get(key) ?? new Set()
      confirmed.set(key, by.add(from.name))
      if (by.size < needed) continue
      acknowledged.set(id, to.term)
      if (to.term < newestAcknowledged())
        failure ??= `${to.name} of term ${to.term} acknowledged beside a newer primary`
    }
  }

  const newestAcknowledged = () => Math.max(0, ...acknowledged.values())

  /** Its clock jumps: now and then it takes a primary for lost that is well. */
  function supervise(tick: number): void {
    const { primary } = supervisor
    const isSilent = tick < primary.frozenUntil || tick < primary.cutUntil
    supervisor.silentMs = isSilent ? supervisor.silentMs + 1 : 0
    if (random() < 0.01) supervisor.silentMs += 100
    if (supervisor.silentMs < 4) return
    const reached = servers.filter(
      (each) => each !== primary && tick >= each.frozenUntil && tick >= each.cutUntil,
    )
    if (weakness !== 'votes while still receiving')
      for (const each of reached) each.promised = Math.max(each.promised, supervisor.term + 1)
    const choice = choose(reached.map(voteOf))
    if (choice === undefined) return
    const next = servers.find(({ name }) => name === choice) as Server
    // It fails before anybody follows it: the others keep their votes, and it loses its own.
    if (random() < 0.2) {
      supervisor.term++
      supervisor.followers.delete(next)
      Object.assign(supervisor, { primary: next, silentMs: 0 })
      next.frozenUntil = tick + 10 + below(40)
      return
    }
    promotions++
    supervisor.term++
    Object.assign(supervisor, { primary: next, silentMs: 0, followers: new Set() })
    Object.assign(next, { isPrimary: true, term: supervisor.term, promised: supervisor.term })
    checkKept(next)
  }

  function voteOf(server: Server): Vote {
    return {
      ...{ name: server.name, timeline: server.term, lsn: BigInt(server.log.length) },
      hasFollowed: weakness === 'votes of strangers' || supervisor.followers.has(server),
      stillReceives: false,
    }
  }

  function choose(votes: Vote[]): string | undefined {
    if (weakness === 'first that answers') {
      const enough = chooseSuccessor({ replicas, quorum: quorumOf(replicas) }, votes).kind === 'promote'
      return enough ? votes[0]?.name : undefined
    }
    const quorum = weakness === 'too few votes' ? replicas - 1 : quorumOf(replicas)
    const flat = weakness === 'votes of strangers' ? votes.map((vote) => ({ ...vote, timeline: 1 })) : votes
    const choice = chooseSuccessor({ replicas, quorum }, flat)
    return choice.kind === 'promote' ? choice.name : undefined
  }

  function checkKept(next: Server): void {
    const kept = new Set(next.log.map(({ id }) => id))
    const lost = [...acknowledged.keys()].filter((id) => !kept.has(id))
    if (lost.length > 0)
      failure ??= `${next.name} became the primary without ${lost.length} that were acknowledged`
  }

  return {
    step,
    acknowledged,
    promotions: () => promotions,
    failure(): string | undefined {
      checkKept(supervisor.primary)
      return failure
    },
  }
}
