import { parseArgs } from 'node:util'
import { readSecrets } from '#config'
import type { InDoubt } from '#kernel/transaction'
import { openDatabase } from '#ports/database'
import { storeEnvironment } from '../local/running.ts'
import { openStore } from '../services/catalog/store/open-store.ts'
import { createDecisionLog } from '../services/orders/decisions.ts'

export const summary = 'list transactions in doubt, or finish one: octavo transactions [resolve ID]'

/** Asks the databases themselves, so that it works when no process of the store does. */
export async function run(args: string[]): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} })
  const { bookDb, orderDb } = readSecrets(storeEnvironment(), ['bookDb', 'orderDb'])
  await using books = await openStore(bookDb, { applicationName: 'transactions' })
  await using orders = await openDatabase(orderDb, { applicationName: 'transactions' })
  const { stock } = books
  const inDoubt = await stock.inDoubt()
  const [action, id] = positionals
  if (action === undefined) return print(inDoubt)
  if (action !== 'resolve' || id === undefined) {
    console.error('octavo transactions lists what is in doubt; octavo transactions resolve ID finishes one')
    return 2
  }
  if (!inDoubt.some((each) => each.id === id)) {
    console.error(`No transaction ${id} is in doubt.`)
    return 1
  }
  const decision = await createDecisionLog(orders).resolve(id)
  if (decision === 'committed') await stock.commit(id)
  else await stock.abort(id)
  console.log(`${id} is ${decision}.`)
  return 0
}

function print(inDoubt: readonly InDoubt[]): number {
  if (inDoubt.length === 0) console.log('No transaction is in doubt.')
  for (const { id, ageMs } of inDoubt) {
    const since = new Date(Date.now() - ageMs).toISOString()
    console.log(
      `${id}  begun at ${since} (${(ageMs / 1000).toFixed(1)} s ago), waits for the decision of orders`,
    )
  }
  return 0
}
