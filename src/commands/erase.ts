import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets, type Secrets } from '#config'
import { isEmail } from '#kernel/email'
import { systemClock as clock } from '#ports/clock'
import { openDatabase } from '#ports/database'
import { openObjectStore } from '#ports/object-store'
import { storeEnvironment } from '../local/running.ts'
import { type Person, phrasesOf } from '../services/catalog/search/phrases-of-person.ts'
import { openStore } from '../services/catalog/store/open-store.ts'
import { type Erased, eraseAgain, eraseCustomer } from '../services/orders/erasure/erase-customer.ts'
import { loadWarehouse } from '../services/warehouse/service.ts'

export const summary = 'erase a customer everywhere, with proof: octavo erase EMAIL | --again'

const usage = `usage: octavo erase EMAIL
       octavo erase --again

  EMAIL    whose name and address are taken out of orders, limits, PDFs, searches and the warehouse; what was sold
           stays
  --again  erases again whoever was erased before: after databases were put back from a backup`

type Needed = Secrets<'bookDb' | 'orderDb' | 'objectStore' | 'secret'>

/** @returns 0 when nothing of the customer is left, 1 when something is or an order is under way, 2 for wrong usage */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { again: { type: 'boolean', default: false } },
  })
  const [email, ...more] = positionals
  if (
    more.length > 0 ||
    (email === undefined) === !values.again ||
    (email !== undefined && !isEmail(email))
  ) {
    console.error(usage)
    return 2
  }
  const env = storeEnvironment(process.env, ['OCTAVO_BOOK_DB', 'OCTAVO_ORDER_DB', 'OCTAVO_SECRET'])
  const secrets = readSecrets(env, ['bookDb', 'orderDb', 'objectStore', 'secret'])
  const root = join(readConfig(env).dataPath, 'warehouse')
  await using database = await openDatabase(secrets.orderDb, {
    applicationName: 'erase',
    statementTimeoutMs: 600_000,
  })
  await using objects = await openObjectStore(secrets.objectStore, { secret: secrets.secret })
  await using books = await openStore(secrets.bookDb, { applicationName: 'erase', connectionsMax: 1 })
  const forgetSearches = async (person: Person) => {
    const phrases = phrasesOf(person)
    await books.misses.erase(phrases)
    return await books.misses.count(phrases)
  }
  const parts = { database, objects, clock, secret: secrets.secret, forgetSearches }
  if (email === undefined) {
    const { customers, underWay } = await eraseAgain(parts)
    await forgetInWarehouse(secrets, root)
    console.log(`${customers} customers erased again.`)
    if (underWay > 0) console.log(`${underWay} have an order under way: run it again later.`)
    return underWay === 0 ? 0 : 1
  }
  const erased = await eraseCustomer(parts, email)
  if (erased.kind === 'erased') await forgetInWarehouse(secrets, root)
  return print(erased)
}

/** The orders have changed, so their files are written anew; the old ones are not kept for readers this time. */
async function forgetInWarehouse(secrets: Needed, root: string): Promise<void> {
  await loadWarehouse(secrets, { root, keepMs: 0 })
}

function print(erased: Erased): number {
  if (erased.kind === 'under-way') {
    console.error(
      `Nothing was erased: ${erased.orders.length} orders are not finished yet, such as ${erased.orders[0]}.`,
    )
    return 1
  }
  const { orders, pdfs, proof } = erased
  console.log(`Erased from ${orders} orders; ${pdfs} PDFs deleted; the warehouse was loaded without it.`)
  console.log('Left of this address:')
  for (const [where, count] of Object.entries(proof)) console.log(`  ${where.padEnd(8)}  ${count}`)
  return Object.values(proof).every((count) => count === 0) ? 0 : 1
}
