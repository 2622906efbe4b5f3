import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readSecrets, type Secrets } from '#config'
import { type Check, check } from '#kernel/invariant'
import { type Database, DatabaseBusy, openDatabase } from '#ports/database'
import { openObjectStore } from '#ports/object-store'
import { openPayment } from '#ports/payment'
import { storeEnvironment } from '../local/running.ts'
import { auditBooks } from '../services/catalog/audit.ts'
import { openStore } from '../services/catalog/store/open-store.ts'
import type { StoreAudit } from '../services/catalog/store/store-audit.ts'
import { auditOrders, copiesByTitle } from '../services/orders/audit.ts'

export const summary = 'check the invariants of a running store: octavo audit [--json]'

/** What an audit looks into. */
export const auditSecrets = ['bookDb', 'orderDb', 'payment', 'objectStore', 'secret'] as const
export type AuditSecrets = Secrets<(typeof auditSecrets)[number]>

const looksMax = 4
const lookAgainMs = 250

/** @returns 0 when every invariant holds, 1 when one does not */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } })
  const checks = await audit(readSecrets(storeEnvironment(), auditSecrets))
  const findings = checks.flatMap((each) => each.findings)
  if (values.json) console.log(JSON.stringify({ ok: findings.length === 0, checks }, null, 2))
  else print(checks)
  return findings.length === 0 ? 0 : 1
}

/** Checks both databases, each by itself and against the other. */
export async function audit(secrets: AuditSecrets): Promise<Check[]> {
  const options = { applicationName: 'audit', connectionsMax: 2, statementTimeoutMs: 120_000 }
  await using books = await openStore(secrets.bookDb, options)
  await using orders = await openDatabase(secrets.orderDb, options)
  await using payment = await openPayment(secrets.payment)
  await using objects = await openObjectStore(secrets.objectStore, { secret: secrets.secret })
  return [
    ...(await auditBooks(books)),
    ...(await auditOrders(orders, payment, objects)),
    await bothAgree(books.audit, orders),
  ]
}

/**
 * Compares what stock holds with what orders hold. The two are read at different moments, so a difference counts only
 * if it is there at every look, and then once more while the title's stock row is locked: nothing is then on its way
 * between the two. The looks before keep the lock, which sales wait for, for what is almost certainly wrong.
 */
async function bothAgree(books: StoreAudit, orders: Database): Promise<Check> {
  const first = await differences(books, orders)
  let left = [...first.differing]
  for (let look = 1; look < looksMax && left.length > 0; look++) {
    await sleep(lookAgainMs)
    const { differing } = await differences(books, orders)
    left = left.filter((isbn) => differing.has(isbn))
  }
  const details: string[] = []
  for (const isbn of left) details.push(...(await differenceAtRest(books, orders, isbn)))
  return check('BookDb and OrderDb agree', first.titles, details)
}

async function differences(books: StoreAudit, orders: Database) {
  const [stock, ordered] = [await books.takenByTitle(), await copiesByTitle(orders)]
  const titles = new Set([...stock.keys(), ...ordered.keys()])
  const differing = new Set([...titles].filter((isbn) => !isSame(stock.get(isbn), ordered.get(isbn))))
  return { titles: titles.size, differing }
}

async function differenceAtRest(books: StoreAudit, orders: Database, isbn: string): Promise<string[]> {
  try {
    return await books.withTitleAtRest(isbn, async (stock) => {
      const now = (await copiesByTitle(orders, isbn)).get(isbn) ?? none
      if (isSame(stock, now)) return []
      return [
        `${isbn}: stock has ${stock.held} held, ${stock.sold} sold; orders have ${now.held}, ${now.sold}`,
      ]
    })
  } catch (error) {
    if (!(error instanceof DatabaseBusy)) throw error
    return [`${isbn}: stock and orders differ, and a transaction keeps the title locked`]
  }
}

type Copies = { held: number; sold: number }
const none: Copies = { held: 0, sold: 0 }
const isSame = (a = none, b = none) => a.held === b.held && a.sold === b.sold

function print(checks: readonly Check[]): void {
  for (const { invariant, checked, findings } of checks) {
    console.log(`${findings.length === 0 ? 'ok  ' : 'FAIL'}  ${invariant} (${checked} checked)`)
    for (const { detail } of findings) console.log(`        ${detail}`)
  }
}
