import { Unavailable } from '#kernel/unavailable'
import { systemClock } from '#ports/clock'
import { addressesIn } from './addresses.ts'
import { askOnce } from './ask-once.ts'

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

const turnQuery = `SELECT pg_is_in_recovery() AS standby,
  coalesce(nullif(current_setting('octavo.epoch', true), ''), '0') AS epoch`

/** Which turn of its database's primaries this server has, 0 where nobody counts; undefined when it is none. */
async function turnOf(url: string): Promise<number | undefined> {
  try {
    const [row] = await askOnce<{ standby: boolean; epoch: string }>(url, turnQuery, askLimitMs)
    return row?.standby === false ? Number(row.epoch) : undefined
  } catch {
    // Away, starting or frozen: whatever it is, it is no primary now.
    return undefined
  }
}
