import type { Socket } from 'node:net'
import pg from 'pg'
import { Unavailable } from '#kernel/unavailable'
import { systemClock } from '#ports/clock'
import { addressesIn } from './addresses.ts'

/** Of several servers of one database, the one that takes writes. */
export type Primary = {
  /** Whether there is a choice at all. */
  readonly isOneOfSeveral: boolean
  /** The URL of the server that was the primary when last asked. */
  readonly url: string
  /**
   * Asks each server, and again until one says that it is the primary. Who asks meanwhile shares the question.
   * @throws NoPrimary when none does within `limitMs`
   */
  find(limitMs: number): Promise<string>
  /** That server has gone or is the primary no more: the next one to need it asks. */
  forget(url: string): void
}

/** None of a database's servers says that it is the primary. */
export class NoPrimary extends Unavailable {
  override name = 'NoPrimary'
}

const askLimitMs = 1_000
const askEveryMs = 50
/** Where servers number their turns as the primary, one that has had its turn may still think that it is. */
const comparedMs = 150

/** @throws TypeError when the URL is none, see `addressesIn` */
export function primaryOf(url: string): Primary {
  const addresses = addressesIn(url)
  const [first = url] = addresses
  let known: string | undefined = addresses.length === 1 ? first : undefined
  let last = first
  let asking: Promise<string | undefined> | undefined
  let epoch = 0

  const ask = async () => {
    const found = await latest(addresses, epoch)
    epoch = found?.epoch ?? epoch
    known = found?.address
    last = known ?? last
    asking = undefined
    return known
  }
  return {
    isOneOfSeveral: addresses.length > 1,
    get url() {
      return known ?? last
    },
    async find(limitMs) {
      const giveUpMs = systemClock.monotonicMs() + limitMs
      for (;;) {
        if (known !== undefined) return known
        asking ??= ask()
        const found = await asking
        if (found !== undefined) return found
        if (systemClock.monotonicMs() + askEveryMs > giveUpMs)
          throw new NoPrimary(`none of the database's ${addresses.length} servers is its primary just now`)
        await systemClock.sleep(askEveryMs)
      }
    },
    forget(url) {
      if (addresses.length > 1 && known === url) known = undefined
    },
  }
}

type Found = { address: string; epoch: number }

/**
 * The one that says that it is the primary, without waiting for the others; where servers number their turns, the one with the
 * latest, and none of an earlier turn than was seen before.
 */
async function latest(addresses: readonly string[], epochMin: number): Promise<Found | undefined> {
  const asked = addresses.map(async (address): Promise<Found> => {
    const epoch = await turnOf(address)
    if (epoch !== undefined && epoch >= epochMin) return { address, epoch }
    throw new Error('not this one')
  })
  // None of them is the primary.
  const first = await Promise.any(asked).catch(() => undefined)
  if (first === undefined || first.epoch === 0) return first
  const found = [first]
  const all = asked.map((each) => each.then((one) => found.push(one)))
  await Promise.race([Promise.allSettled(all), systemClock.sleep(comparedMs)])
  return found.reduce((a, b) => (b.epoch > a.epoch ? b : a))
}

/** Which turn of its database's primaries this server has, 0 where nobody counts; undefined when it is none. */
async function turnOf(url: string): Promise<number | undefined> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: askLimitMs,
    query_timeout: askLimitMs,
  })
  // It may go while it is asked, which the question's failure says.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query(
      `SELECT pg_is_in_recovery() AS standby, coalesce(nullif(current_setting('octavo.epoch', true), ''), '0') AS epoch`,
    )
    return rows[0]?.standby === false ? Number(rows[0].epoch) : undefined
  } catch {
    // Away, starting or frozen: whatever it is, it is no primary now.
    return undefined
  } finally {
    cut(client)
  }
}

/** Closes a connection without a word: a server that is frozen would never answer one. */
export function cut(client: pg.ClientBase): void {
  // The driver's types leave its connection out.
  const { connection } = client as unknown as { connection: { stream: Socket } }
  connection.stream.destroy()
}
