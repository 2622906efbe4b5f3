import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import type { DatabaseState as Known } from '#kernel/database-state'
import { databaseState, mariadbAddressOf } from '#ports/database'
import { addressesIn, askStanding, type Standing } from '#ports/postgres'
import { readSuccession } from '../local/replicas/succession-record.ts'
import { storeEnvironment } from '../local/running.ts'

export const summary =
  'say which server of each database is the primary and how the replicas follow, or change it: octavo databases [switch book-db|order-db [--to N]] [promote: on MariaDB, the replica that is furthest] [--json]'

const askLimitMs = 2_000
const switchLimitMs = 60_000
const lookEveryMs = 100
const names = ['book-db', 'order-db'] as const
type Name = (typeof names)[number]

type DatabaseState = {
  name: Name
  servers: { address: string; standing: Standing | undefined }[]
  lastFailover: { at: string; why: string; tookMs: number; from: number } | undefined
  archive: Known['archive']
}

/** @returns 0, or 1 when a database has no primary, or did not change it in time */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, to: { type: 'string' } },
  })
  const [action, wanted] = positionals
  // Servers of one's own are asked without any store beside the command.
  const needed = action === 'promote' ? ['OCTAVO_BOOK_DB'] : ['OCTAVO_BOOK_DB', 'OCTAVO_ORDER_DB']
  const env = storeEnvironment(process.env, needed)
  const { dataPath } = readConfig(env)
  if (action === undefined) {
    const states = await databaseStates(dataPath, readSecrets(env, ['bookDb', 'orderDb']))
    if (values.json) console.log(JSON.stringify(states, null, 2))
    else for (const state of states) print(state)
    return states.every(({ servers }) => servers.some(isPrimary)) ? 0 : 1
  }
  if (action === 'promote') return await promote(readSecrets(env, ['bookDb']).bookDb)
  const name = names.find((each) => each === wanted)
  if (
    action !== 'switch' ||
    name === undefined ||
    positionals.length > 2 ||
    (values.to !== undefined && !/^[1-9]$/.test(values.to))
  ) {
    console.error(`usage: octavo databases [switch ${names.join('|')} [--to N] | promote] [--json]`)
    return 2
  }
  return await switchOver(join(dataPath, name), name, values.to === undefined ? undefined : Number(values.to))
}

/** Asks every server of both databases at once. */
export async function databaseStates(
  dataPath: string,
  { bookDb, orderDb }: { bookDb: string; orderDb: string },
): Promise<DatabaseState[]> {
  const urls: [Name, string][] = [
    ['book-db', bookDb],
    ['order-db', orderDb],
  ]
  return await Promise.all(
    urls.map(async ([name, url]) => {
      if (!/^postgres/.test(url)) return await otherState(name, url)
      const servers = await Promise.all(
        addressesIn(url).map(async (address) => {
          return { address: placeOf(address), standing: await askStanding(address, askLimitMs) }
        }),
      )
      const { archive } = await databaseState(name, url)
      return { name, servers, lastFailover: readSuccession(join(dataPath, name))?.last, archive }
    }),
  )
}

/** Of a database that is no PostgreSQL's: what its servers say of themselves. */
async function otherState(name: Name, url: string): Promise<DatabaseState> {
  const { servers, archive } = await databaseState(name, url)
  const standingOf = (state: string): Standing | undefined =>
    state === 'away' ? undefined : { ...noStanding, isReplica: state === 'replica' }
  return {
    name,
    servers: servers.map(({ server, state }) => ({ address: server, standing: standingOf(state) })),
    lastFailover: undefined,
    archive,
  }
}

const noStanding = {
  ...{ timeline: 0, lsn: '', applied: '', receives: 1, isThrough: true, behindMs: 0 },
  ...{ sinceAppliedMs: null, followers: [] },
}

const isPrimary = ({ standing }: { standing: Standing | undefined }) => standing?.isReplica === false

/** Where a server is, without its password. */
function placeOf(address: string): string {
  const url = new URL(address)
  return url.searchParams.get('host') ?? url.host
}

function print({ name, servers, lastFailover, archive }: DatabaseState): void {
  const primary = servers.find(isPrimary)?.standing
  // Servers that are no PostgreSQL's do not say who follows them.
  const replicas = servers.filter(({ standing }) => standing?.isReplica && standing.lsn === '').length
  const count = primary?.followers.length || replicas
  console.log(
    `${name}: ${primary === undefined ? 'no primary' : `${count} ${count === 1 ? 'replica follows' : 'replicas follow'} the primary`}`,
  )
  for (const { address, standing } of servers) console.log(`  ${address}  ${described(standing)}`)
  for (const each of primary?.followers ?? [])
    console.log(
      `  ${each.name}: ${each.isStreaming ? 'follows' : 'catches up'}, ${each.lagBytes} bytes and ${Math.round(each.lagMs)} ms behind`,
    )
  if (lastFailover)
    console.log(
      `  last change at ${lastFailover.at}: server ${lastFailover.from} ${lastFailover.why}; ${lastFailover.tookMs} ms without a primary`,
    )
  if (archive)
    console.log(
      `  the archive ${archive.reachesTo ? `reaches to ${archive.reachesTo}` : 'has nothing yet'}, its newest base is from ${archive.baseAt ?? '(none yet)'}${archive.problem ? `; it is not kept: ${archive.problem}` : ''}`,
    )
}

function described(standing: Standing | undefined): string {
  if (standing === undefined) return 'does not answer'
  if (!standing.isReplica && standing.lsn === '') return 'primary'
  if (standing.lsn === '') return 'replica'
  if (!standing.isReplica) return `primary, timeline ${standing.timeline}, at ${standing.lsn}`
  return `replica, at ${standing.lsn}${standing.receives === undefined ? ', follows nobody' : ''}`
}

/** BookDb on MariaDB: its own servers have nobody who does it for them. */
async function promote(url: string): Promise<number> {
  const { servers } = /^(mariadb|mysql):/.test(url) ? mariadbAddressOf(url, 'promote') : { servers: [] }
  if (servers.length < 2) {
    console.error('octavo databases promote is for a BookDb on MariaDB whose URL names several servers.')
    return 2
  }
  const { promoteMariadb } = await import('../local/replicas/promote-mariadb.ts')
  const { primary, tookMs, silent } = await promoteMariadb(servers)
  console.log(`${primary} is the primary now, after ${tookMs} ms.`)
  for (const each of silent)
    console.log(`${each}. Should it come back as it was, it takes itself for the primary: end it first.`)
  return 0
}

/** Asks the supervisor of the store for it, and waits until it is done. */
async function switchOver(path: string, name: Name, to: number | undefined): Promise<number> {
  const before = readSuccession(path)
  if (before === undefined) {
    console.error(`${name} has no replicas that this store looks after.`)
    return 1
  }
  if (to === before.primary) {
    console.log(`Server ${to} of ${name} is the primary already.`)
    return 0
  }
  const { servers = [] } = before
  if (to !== undefined && !servers.includes(to)) {
    console.error(`${name} has no server ${to}; it has ${servers.join(', ')}.`)
    return 1
  }
  const request = join(path, 'switchover.json')
  writeFileSync(request, JSON.stringify(to === undefined ? {} : { to }))
  const giveUpMs = performance.now() + switchLimitMs
  while (performance.now() < giveUpMs) {
    const now = readSuccession(path)
    if (now !== undefined && now.term > before.term && now.last?.at !== before.last?.at) {
      const isWanted = to === undefined || now.primary === to
      const but = isWanted ? '' : `, and not server ${to}: it was not as far`
      console.log(`Server ${now.primary} of ${name} is the primary now, after ${now.last?.tookMs} ms${but}.`)
      return isWanted ? 0 : 1
    }
    await sleep(lookEveryMs)
  }
  const wasHeeded = !existsSync(request)
  rmSync(request, { force: true })
  console.error(
    wasHeeded
      ? 'The supervisor did not hand over; its log says why.'
      : `${to === undefined ? 'Too few replicas follow' : `Server ${to} does not follow, or too few replicas do,`} to hand over safely; nothing was changed.`,
  )
  return 1
}
