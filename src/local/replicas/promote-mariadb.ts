import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, type ConnectionConfig, createConnection } from 'mariadb'
import { chooseSuccessor, type Vote, votesNeeded } from '#kernel/succession'

/** Nobody can be promoted without the risk of losing what was acknowledged; says what is missing. */
export class PromotionRefused extends Error {
  override name = 'PromotionRefused'
}

/** Of semi-synchronous replication: a commit is acknowledged when one replica has it. */
const quorum = 1
const askLimitMs = 3_000
const applyLimitMs = 60_000

type Server = { address: ConnectionConfig; name: string; connection: Connection }
type Replica = Server & { received: string }

/**
 * Makes the replica of a MariaDB database that has received the most its primary. Semi-synchronous replication waits for
 * one replica, so that every one of them has to turn from the old primary first: then it can acknowledge nothing any more,
 * wherever it is, and one of them has all that it ever acknowledged.
 * Source: MariaDB manual, "Semisynchronous Replication", "Global Transaction ID".
 * @param addresses of all servers, the primary included, with a user who may administer replication
 * @returns who the primary is now, how long no server took writes, and which servers said nothing, with the reason: should
 *   the old primary be among them, nobody has told it
 * @throws PromotionRefused when a replica cannot be asked
 */
export async function promoteMariadb(
  addresses: readonly ConnectionConfig[],
): Promise<{ primary: string; tookMs: number; silent: string[] }> {
  await using opened = new AsyncDisposableStack()
  const { servers, silent } = await reachable(addresses, opened)
  const startedMs = performance.now()
  const replicas: Replica[] = []
  const primaries: Server[] = []
  await mayAdminister(servers)
  for (const server of servers)
    if ((await statusOf(server)) === undefined) primaries.push(server)
    else replicas.push({ ...server, received: '' })
  // Asked before anything is changed.
  const needed = votesNeeded(addresses.length - 1, quorum)
  if (replicas.length < needed)
    throw new PromotionRefused(
      [`${replicas.length} of ${needed} replicas that are needed can be asked`, ...silent].join('; '),
    )
  for (const server of primaries) await endWrites(server)
  // From here on nobody confirms what the old primary writes.
  for (const replica of replicas) {
    await replica.connection.query('STOP SLAVE IO_THREAD')
    replica.received = (await statusOf(replica))?.Gtid_IO_Pos ?? ''
  }
  const votes = replicas.map(
    ({ name, received }): Vote => ({
      ...{ name, timeline: 0, lsn: numberIn(received) },
      ...{ hasFollowed: true, stillReceives: false },
    }),
  )
  const choice = chooseSuccessor({ replicas: addresses.length - 1, quorum }, votes)
  if (choice.kind === 'wait') throw new PromotionRefused(choice.why)
  const next = replicas.find(({ name }) => name === choice.name) as Replica
  await applied(next)
  for (const other of servers) if (other.name !== next.name) await follow(other, next.address)
  await next.connection.query('STOP SLAVE')
  await next.connection.query('RESET SLAVE ALL')
  await next.connection.query('SET GLOBAL rpl_semi_sync_slave_enabled = OFF')
  await next.connection.query('SET GLOBAL rpl_semi_sync_master_enabled = ON')
  await next.connection.query('SET GLOBAL read_only = OFF')
  return { primary: next.name, tookMs: Math.round(performance.now() - startedMs), silent }
}

/** Those that can be asked, and why the others cannot: one that is away or frozen, or that does not know this user. */
async function reachable(
  addresses: readonly ConnectionConfig[],
  opened: AsyncDisposableStack,
): Promise<{ servers: Server[]; silent: string[] }> {
  const nameOf = ({ host, port, socketPath }: ConnectionConfig) => socketPath ?? `${host}:${port}`
  const asked = addresses.map(async (address): Promise<Server> => {
    // Who administers replication need not be let into any database.
    const { database: _, ...server } = address
    const limits = { connectTimeout: askLimitMs, socketTimeout: applyLimitMs }
    const connection = await createConnection({ ...server, ...limits })
    // What is asked of it next fails, and says why.
    connection.on('error', () => undefined)
    opened.defer(() => connection.destroy())
    return { address, name: nameOf(address), connection }
  })
  const answers = await Promise.allSettled(asked)
  return {
    servers: answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    silent: answers.flatMap((each, index) =>
      each.status === 'rejected'
        ? [`${nameOf(addresses[index] ?? {})}: ${sentence(each.reason as Error)}`]
        : [],
    ),
  }
}

/** What the server said, without the number of the connection and where in the code it was. */
const sentence = ({ message }: Error) => message.replace(/^\(conn:.*?\) /, '').split('\n')[0] ?? message

/** @throws PromotionRefused for a user who may not, before anything is changed */
async function mayAdminister(servers: readonly Server[]): Promise<void> {
  for (const { connection, name, address } of servers)
    await connection.query('SHOW SLAVE STATUS').catch((error: Error) => {
      throw new PromotionRefused(
        `${address.user} may not administer replication at ${name}; docs/adr/bookdb-on-mariadb.md says what it needs`,
        { cause: error },
      )
    })
}

type SlaveStatus = { Gtid_IO_Pos: string }

/** Undefined for one that follows nobody: the primary, or one that was it. */
async function statusOf({ connection }: Server): Promise<SlaveStatus | undefined> {
  const [status] = await connection.query<SlaveStatus[]>('SHOW SLAVE STATUS')
  return status
}

/** A planned change: what is under way there is finished, and nothing new begins. */
async function endWrites({ connection }: Server): Promise<void> {
  await connection.query('SET GLOBAL read_only = ON')
}

/** Until all that it has received can be read there. */
async function applied({ connection, received }: Replica): Promise<void> {
  const giveUpMs = performance.now() + applyLimitMs
  while (performance.now() < giveUpMs) {
    const [row] = await connection.query<{ at: string }[]>('SELECT @@global.gtid_slave_pos AS at')
    if (numberIn(row?.at ?? '') >= numberIn(received)) return
    await sleep(20)
  }
  throw new PromotionRefused('the replica that is furthest does not apply what it has received')
}

async function follow({ connection }: Server, { host, port }: ConnectionConfig): Promise<void> {
  await connection.query('STOP SLAVE')
  await connection.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF')
  await connection.query('SET GLOBAL rpl_semi_sync_slave_enabled = ON')
  // Whom it follows changes; as whom it does is kept.
  await connection.query('CHANGE MASTER TO MASTER_HOST = ?, MASTER_PORT = ?, MASTER_USE_GTID = slave_pos', [
    host,
    port,
  ])
  await connection.query('START SLAVE')
}

/** Of one domain: `0-1-4711` is the 4711th of all. */
const numberIn = (gtid: string) => BigInt(gtid.split(',')[0]?.split('-')[2] ?? 0)
