import type { Config, Secrets } from '#config'
import { openBroker } from '#ports/broker'
import { systemClock } from '#ports/clock'
import { openDiscovery } from '#ports/discovery'
import { logger } from '#ports/log'
import { objectCreatedTopic, openObjectStore } from '#ports/object-store'
import { vouchersWantedTopic } from './contract.ts'
import { openCovers } from './covers.ts'
import { openDrawingPool } from './drawing-pool.ts'
import { watchStore } from './store-watch.ts'
import { takeWanted } from './take-wanted.ts'

const log = logger('vouchers')

/** A queue that gives nothing for this long is empty; a retry may still be waiting, and is for the next run. */
const idleMs = 3_000

/** Draws what the shared queue holds and ends: the voucher generator as a function or a job. */
export async function drawOnce(
  config: Config,
  { secret, broker: brokerUrl, objectStore }: Secrets<'secret' | 'broker' | 'objectStore'>,
  stop: AbortSignal,
): Promise<void> {
  const clock = systemClock
  await using broker = await openBroker(brokerUrl, { applicationName: 'vouchers' })
  await using store = await openObjectStore(objectStore, {
    secret,
    onCreated: (created) => broker.publish([{ topic: objectCreatedTopic, payload: created }]),
  })
  await using discovery = await openDiscovery(config.discovery.url, { secret, clock })
  await using pool = openDrawingPool(config.publicUrl)
  let [atWork, done, lastMs] = [0, 0, clock.monotonicMs()]
  const draw = takeWanted({
    pool,
    store,
    stop,
    watch: watchStore(clock),
    covers: openCovers(discovery, clock, secret),
  })
  const subscription = await broker.subscribe('vouchers-draw', [vouchersWantedTopic], async (message) => {
    atWork++
    try {
      await draw(message)
      done++
    } finally {
      atWork--
      lastMs = clock.monotonicMs()
    }
  })
  while (!stop.aborted && (atWork > 0 || clock.monotonicMs() - lastMs < idleMs))
    // Called off by the end of the process, which the loop then sees.
    await clock.sleep(50, stop).catch(() => undefined)
  await subscription[Symbol.asyncDispose]()
  log.info('drew what was due', { messages: done })
}
