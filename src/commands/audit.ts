import { parseArgs } from 'node:util'
import { type Config, needed, readConfig } from '#config'
import { type Check, check } from '#kernel/invariant'
import { type Database, openDatabase } from '#ports/database'
import { openPayment } from '#ports/payment'
import { storeEnvironment } from '../local/running.ts'
import { auditBooks, stockByTitle, withTitleAtRest } from '../services/catalog/audit.ts'
import { auditOrders, copiesByTitle } from '../services/orders/audit.ts'

export const summary = 'check the invariants of a running store: octavo audit [--json]'

/** @returns 0 when every invariant holds, 1 when one does not */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } })
  const checks = await audit(readConfig(storeEnvironment()))
  const findings = checks.flatMap((each) => each.findings)
  if (values.json) console.log(JSON.stringify({ ok: findings.length === 0, checks }, null, 2))
  else print(checks)
  return findings.length === 0 ? 0 : 1
}

/** Checks both databases, each by itself and against the other. */
export async function audit(config: Config): Promise<Check[]> {
  const options = { applicationName: 'audit', connectionsMax: 2, statementTimeoutMs: 120_000 }
  await using books = await openDatabase(needed(config, 'bookDbUrl'), options)
  await using orders = await openDatabase(needed(config, 'orderDbUrl'), options)
  await using payment = await openPayment(config.paymentUrl)
  return [
    ...(await auditBooks(books)),
    ...(await auditOrders(orders, payment)),
    await bothAgree(books, orders),
  ]
}

/**
 * Compares what stock holds with what orders hold. The two are read at different moments, so a difference counts only
 * if it is still there while the title's stock row is locked: then nothing is on its way between the two.
 */
async function bothAgree(books: Database, orders: Database): Promise<Check> {
  const [stock, ordered] = [await stockByTitle(books), await copiesByTitle(orders)]
  const titles = new Set([...stock.keys(), ...ordered.keys()])
  const none = { held: 0, sold: 0 }
  const same = (a = none, b = none) => a.held === b.held && a.sold === b.sold
  const details: string[] = []
  for (const isbn of titles) {
    if (same(stock.get(isbn), ordered.get(isbn))) continue
    await withTitleAtRest(books, isbn, async (atRest) => {
      const now = (await copiesByTitle(orders, isbn)).get(isbn) ?? none
      if (same(atRest, now)) return
      details.push(
        `${isbn}: stock has ${atRest.held} held, ${atRest.sold} sold; orders have ${now.held}, ${now.sold}`,
      )
    })
  }
  return check('BookDb and OrderDb agree', titles.size, details)
}

function print(checks: readonly Check[]): void {
  for (const { invariant, checked, findings } of checks) {
    console.log(`${findings.length === 0 ? 'ok  ' : 'FAIL'}  ${invariant} (${checked} checked)`)
    for (const { detail } of findings) console.log(`        ${detail}`)
  }
}
