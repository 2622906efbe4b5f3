import { Client, type ClientConfig, type IMap, ReconnectMode } from 'hazelcast-client'
import { systemClock } from '#ports/clock'
import { type Cache, type CacheOptions, deadlineMsDefault, entryBytesMax } from './cache.ts'
import { type Guarded, guard } from './guarded.ts'
import { type Told, tellOf } from './told.ts'

const mapName = 'octavo'
const addAttemptsMax = 100
const portDefault = 5701
const connectTimeoutMs = 1_000
const retryMs = { first: 200, max: 2_000 }
/** How long the client itself holds on to a command; whoever asked has given up long before. */
const invocationTimeoutMs = 1_000
/** A member that is silent for so long is left, and its share is asked of its backup. */
const silenceMaxMs = 4_000

/**
 * A Hazelcast cluster: its partitions say where an entry lies, and another member has its backup. It counts times to live
 * in whole seconds, so an entry says itself when it ends. The client's near cache stays off, for it would show entries that another process has replaced; the
 * gateway's memory is in its place.
 */
export async function openHazelcastCache(url: string, options: CacheOptions): Promise<Cache> {
  const { deadlineMs = deadlineMsDefault } = options
  const told = tellOf('cluster')
  const client = await Client.newHazelcastClient(configFor(url, told))
  // A breaker for each member, because one that is away must not keep us from the others.
  const guards = new Map<string, Guarded>()
  const guardOf = (id: string): Guarded => {
    const name = () => membersOf(client).find((member) => member.id === id)?.name ?? id
    const known = guards.get(id) ?? guard(deadlineMs, () => performance.now(), tellOf(name()))
    guards.set(id, known)
    return known
  }
  let known: IMap<string, Buffer> | undefined
  const map = async () => {
    known ??= await client.getMap<string, Buffer>(mapName)
    return known
  }
  const run = async <T>(key: string, command: (map: IMap<string, Buffer>) => Promise<T>) => {
    const owner = ownerOf(client, key)
    return owner === undefined ? undefined : await guardOf(owner).run(async () => command(await map()))
  }
  let reads = 0

  return {
    async read(key) {
      reads++
      const found = (await run(key, (entries) => entries.get(key)))?.value ?? undefined
      return found === undefined || hasEnded(found) ? undefined : found.subarray(headBytes)
    },
    async write(key, value, ttlMs) {
      if (value.length > entryBytesMax) return
      await run(key, (entries) => entries.set(key, ending(ttlMs, value), wholeSeconds(ttlMs)))
    },
    async evict(keys) {
      await Promise.all(keys.map((key) => run(key, (entries) => entries.delete(key))))
    },
    async claim(key, ttlMs) {
      const outcome = await run(key, async (entries) => {
        const mine = ending(ttlMs, systemClock.randomBytes(8))
        const other = await entries.putIfAbsent(key, mine, wholeSeconds(ttlMs))
        return other === null || (hasEnded(other) && (await entries.replaceIfSame(key, other, mine)))
      })
      return outcome?.value !== false
    },
    count: (added, ttlMs) =>
      Promise.all(
        added.map(async ([key, by]) => (await run(key, (entries) => addTo(entries, key, by, ttlMs)))?.value),
      ),
    nodes() {
      const members = membersOf(client)
      if (members.length === 0) return [{ name: 'cluster', isUp: false, reads }]
      return members.map(({ id, name }) => ({ name, isUp: guards.get(id)?.isUp !== false, reads }))
    },
    [Symbol.asyncDispose]: () => client.shutdown(),
  }
}

/** There is no command for it: whoever comes second sees that the counter is not as it was, and adds again. */
async function addTo(
  entries: IMap<string, Buffer>,
  key: string,
  by: number,
  ttlMs: number,
): Promise<number | undefined> {
  for (let attempt = 0; attempt < addAttemptsMax; attempt++) {
    const before = await entries.get(key)
    const stands = (before === null || hasEnded(before) ? 0 : before.readDoubleBE(headBytes)) + by
    const value = Buffer.alloc(8)
    value.writeDoubleBE(stands)
    const after = ending(ttlMs, value)
    if (before === null) {
      if ((await entries.putIfAbsent(key, after, wholeSeconds(ttlMs))) === null) return stands
    } else if (await entries.replaceIfSame(key, before, after)) {
      await entries.setTtl(key, wholeSeconds(ttlMs))
      return stands
    }
  }
  return undefined
}

/** An entry begins with when it ends, ms since 1970. */
const headBytes = 8

function ending(ttlMs: number, value: Uint8Array): Buffer {
  const entry = Buffer.alloc(headBytes + value.length)
  entry.writeDoubleBE(systemClock.now() + ttlMs)
  entry.set(value, headBytes)
  return entry
}

const hasEnded = (entry: Buffer) => entry.length < headBytes || entry.readDoubleBE() <= systemClock.now()
/** Two more than it takes, so that it ends by what it says itself. */
const wholeSeconds = (ttlMs: number) => (Math.ceil(ttlMs / 1000) + 2) * 1000

/** The member that has a key's partition, once any member has been reached. */
function ownerOf(client: Client, key: string): string | undefined {
  if (client.getCluster().getMembers().length === 0) return undefined
  const partitions = client.getPartitionService()
  try {
    return partitions.getPartitionOwner(partitions.getPartitionId(key))?.toString() ?? ''
  } catch {
    // There is no table of partitions before the first command.
    return ''
  }
}

const membersOf = (client: Client) =>
  client
    .getCluster()
    .getMembers()
    .map(({ uuid, address }) => ({ id: uuid.toString(), name: `${address.host}:${address.port}` }))

/**
 * Reads `hazelcast://[user:password@]host[:port],host[:port]…[/cluster]`; a cluster is called `dev` unless it is named.
 * @throws Error saying what is wrong, without the password
 */
function configFor(url: string, told: Told): ClientConfig {
  const match = /^hazelcast:\/\/(?:([^@/]*)@)?([^/@]+?)(?:\/([\w.-]*))?$/.exec(url)
  if (match === null) throw new Error('OCTAVO_CACHE should look like hazelcast://host:5701,host:5701/cluster')
  const [, credentials = '', hosts = '', cluster = ''] = match
  const [username = '', password = ''] = credentials.split(':', 2).map(decodeURIComponent)
  return {
    ...(cluster !== '' && { clusterName: cluster }),
    network: { clusterMembers: hosts.split(',').map(withPort), connectionTimeout: connectTimeoutMs },
    // The member that is asked waits for the backup; a client that does has to be connected to both.
    backupAckToClientEnabled: false,
    // A cluster that is away is no fault: it is tried again for ever, and whoever asks meanwhile is told at once.
    connectionStrategy: {
      ...{ asyncStart: true, reconnectMode: ReconnectMode.ASYNC },
      connectionRetry: { initialBackoffMillis: retryMs.first, maxBackoffMillis: retryMs.max, multiplier: 2 },
    },
    lifecycleListeners: [(state) => state === 'CONNECTED' && told.back()],
    customLogger: onlyFailures(told),
    ...(username !== '' && { security: { usernamePassword: { username, password } } }),
    properties: {
      'hazelcast.client.invocation.timeout.millis': invocationTimeoutMs,
      'hazelcast.client.heartbeat.interval': silenceMaxMs / 4,
      'hazelcast.client.heartbeat.timeout': silenceMaxMs,
    },
  }
}

/** Of all that the client says, why it reaches no member. */
function onlyFailures(told: Told): NonNullable<ClientConfig['customLogger']> {
  const nothing = () => undefined
  return {
    ...{ log: nothing, error: nothing, info: nothing, debug: nothing, trace: nothing },
    warn(part, text) {
      if (part === 'ConnectionManager' && text.startsWith('Error')) told.away(new Error(text))
    },
  }
}

function withPort(text: string): string {
  const match = /^(\[[0-9a-f:]+\]|[^:\s]+)(?::(\d{1,5}))?$/i.exec(text)
  const port = Number(match?.[2] ?? portDefault)
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    throw new Error(`"${text}" in OCTAVO_CACHE is no host:port`)
  return `${match[1]}:${port}`
}
