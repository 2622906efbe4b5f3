import { type Check, check } from '#kernel/invariant'
import type { CatalogStore } from './store/catalog-store.ts'
import type { Copies } from './store/store-audit.ts'

/** A prepared transaction, and a message in the outbox, may be this old before something is wrong. */
const inDoubtMaxMs = 10_000
const newsWaitsMaxMs = 60_000

/** What BookDb must say of itself. */
export async function auditBooks(store: CatalogStore): Promise<Check[]> {
  return [
    await neverOversold(store),
    await ledgerAddsUp(store),
    await nothingInDoubt(store),
    await newsGoesOut(store),
  ]
}

async function neverOversold({ audit }: CatalogStore): Promise<Check> {
  const { titles, found } = await audit.oversold()
  return check(
    'sold + held never exceed the copies',
    titles,
    found.map(({ isbn, held, sold, copies }) => `${isbn}: held ${held} + sold ${sold} > ${copies} copies`),
  )
}

async function ledgerAddsUp({ audit }: CatalogStore): Promise<Check> {
  const { titles, found } = await audit.unbalanced()
  return check(
    'the ledger adds up to the stock row',
    titles,
    found.map(({ isbn, ledger, ...stock }) => `${isbn}: stock ${shown(stock)}, ledger ${shown(ledger)}`),
  )
}

const shown = ({ copies, held, sold }: Copies) => [copies, held, sold].join()

async function nothingInDoubt({ stock }: CatalogStore): Promise<Check> {
  const all = await stock.inDoubt()
  const late = all.filter(({ ageMs }) => ageMs > inDoubtMaxMs)
  return check(
    'no transaction stays in doubt',
    all.length,
    late.map(({ id, ageMs }) => `${id} began ${Math.round(ageMs / 1000)} s ago and is still prepared`),
  )
}

async function newsGoesOut({ audit }: CatalogStore): Promise<Check> {
  const waiting = await audit.newsWaiting(newsWaitsMaxMs)
  return check(
    "BookDb's outbox is carried off",
    waiting.length,
    waiting.map(({ id, ageMs }) => `message ${id} has waited for ${Math.round(ageMs / 1000)} s`),
  )
}
