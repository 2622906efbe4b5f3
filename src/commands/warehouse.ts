import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import { storeEnvironment } from '../local/running.ts'
import { type Loaded, loadWarehouse } from '../services/warehouse/service.ts'

export const summary = 'load the warehouse now: octavo warehouse load [--whole] [--json]'

const usage = `usage: octavo warehouse load [--whole] [--json]

  load     reads what has changed in both databases since the last load, and says what it loaded
  --whole  reads everything again
  --json   says it as JSON, for programs

It works on the store that runs on OCTAVO_DATA, or on the databases and the object store that the environment names.`

const needs = ['OCTAVO_BOOK_DB', 'OCTAVO_ORDER_DB', 'OCTAVO_SECRET']

/** @returns 0 when the warehouse agrees with its sources, 1 when it does not, 2 for wrong usage */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { whole: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  })
  if (positionals.join() !== 'load') {
    console.error(usage)
    return 2
  }
  const env = storeEnvironment(process.env, needs)
  const secrets = readSecrets(env, ['bookDb', 'orderDb', 'objectStore', 'secret'])
  const root = join(readConfig(env).dataPath, 'warehouse')
  const loaded = await loadWarehouse(secrets, { root, whole: values.whole })
  if (values.json) console.log(JSON.stringify(loaded))
  else print(loaded)
  return loaded.disagreements.length === 0 ? 0 : 1
}

function print({ sequence, kind, cutAt, ms, read, rows, bytes, disagreements }: Loaded): void {
  const what = kind === 'whole' ? 'everything' : 'what has changed'
  console.log(`Load ${sequence}: ${what}, as of ${cutAt}, in ${(ms / 1000).toFixed(1)} s`)
  const width = Math.max(...Object.keys(rows).map((name) => name.length))
  for (const [name, total] of Object.entries(rows)) {
    const now = read[name as keyof typeof read]
    console.log(
      `  ${name.padEnd(width)}  ${String(now).padStart(9)} read  ${String(total).padStart(10)} rows`,
    )
  }
  console.log(`  ${(bytes / 1e6).toFixed(1)} MB of Parquet`)
  if (disagreements.length === 0) console.log('It agrees with both databases.')
  else console.log(`It does not agree with its sources:\n  ${disagreements.join('\n  ')}`)
}
