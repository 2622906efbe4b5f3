import { type Clock, every } from '#ports/clock'
import { type Gauge, roleMeter } from '#ports/telemetry'
import type { CatalogStore } from './store/catalog-store.ts'

const lookEveryMs = 10_000
/** Walking over all stock is for every third look. */
const walkEvery = 3

/** What BookDb says of its state, looked up now and then. */
export function watchState(store: CatalogStore, clock: Clock): AsyncDisposable {
  const gauges = createGauges()
  let looks = 0
  return every(clock, lookEveryMs, () => look(store, gauges, looks++ % walkEvery === 0), { atOnce: true })
}

type Gauges = Record<'up' | 'prepared' | 'preparedAge' | 'outbox' | 'outboxAge' | 'oversold', Gauge>

function createGauges(): Gauges {
  const meter = roleMeter('catalog')
  return {
    up: meter.gauge('octavo_database_up', 'Whether the last look at the database was answered.', [
      'database',
    ]),
    prepared: meter.gauge('octavo_prepared_transactions', 'Transactions that are prepared and not finished.'),
    preparedAge: meter.gauge('octavo_prepared_oldest_seconds', 'How old the oldest of them is.'),
    outbox: meter.gauge('octavo_outbox_messages', 'Messages that wait to be carried to the broker.', [
      'database',
    ]),
    outboxAge: meter.gauge('octavo_outbox_oldest_seconds', 'How long the oldest has waited.', ['database']),
    oversold: meter.gauge('octavo_oversold_titles', 'Titles with more held and sold than there are copies.'),
  }
}

async function look({ stock, audit }: CatalogStore, gauges: Gauges, walks: boolean): Promise<void> {
  try {
    const inDoubt = await stock.inDoubt()
    gauges.prepared.set(inDoubt.length)
    gauges.preparedAge.set(oldestSeconds(inDoubt))
    const news = await audit.newsWaiting(0)
    gauges.outbox.set(news.length, 'catalog')
    gauges.outboxAge.set(oldestSeconds(news), 'catalog')
    if (walks) gauges.oversold.set((await audit.oversold()).found.length)
    gauges.up.set(1, 'catalog')
  } catch (error) {
    // Nothing is known now, and old figures would say that all is well.
    for (const gauge of Object.values(gauges)) gauge.clear()
    gauges.up.set(0, 'catalog')
    throw error
  }
}

const oldestSeconds = (all: readonly { ageMs: number }[]) =>
  all.reduce((oldest, { ageMs }) => Math.max(oldest, ageMs / 1000), 0)
