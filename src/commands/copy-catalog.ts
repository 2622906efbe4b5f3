import { parseArgs } from 'node:util'
import { copyCatalog } from '../services/catalog/copy/copy-catalog.ts'
import { openStore } from '../services/catalog/store/open-store.ts'

export const summary =
  'copy a catalogue into another database, and prove it equal: octavo copy-catalog FROM TO'

const usage = `octavo copy-catalog FROM TO copies books, stock and ledger from one BookDb to another, empty one. Both are
addresses: postgres://…, mariadb://…, mysql://…. Stop the store first: what moves meanwhile makes the two differ, which is
then said.`

/** @returns 0 when both are equal afterwards, 1 when they are not, 2 for wrong arguments */
export async function run(args: string[]): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} })
  const [from, to, ...others] = positionals
  if (from === undefined || to === undefined || others.length > 0) {
    console.error(usage)
    return 2
  }
  const options = { applicationName: 'copy-catalog', connectionsMax: 2, statementTimeoutMs: 10 * 60_000 }
  await using source = await openStore(from, options)
  await using target = await openStore(to, options)
  await target.migrate()
  const outcome = await copyCatalog(source, target, (books) => console.log(`${books} books copied`))
  switch (outcome.kind) {
    case 'equal': {
      const { books, movements, copies, held, sold, checksum } = outcome.sums
      console.log(
        `Both are equal: ${books} books, ${movements} movements, ${copies} copies, ${held} held, ${sold} sold, checksum ${checksum}.`,
      )
      return 0
    }
    case 'refused':
      console.error(`Nothing was copied: ${outcome.reason}.`)
      return 1
    case 'different':
      console.error(
        `They differ:\n  from ${JSON.stringify(outcome.from)}\n  to   ${JSON.stringify(outcome.to)}`,
      )
      return 1
  }
}
