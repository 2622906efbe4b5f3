import { stat } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import { isCurrency } from '#kernel/currencies'
import { amountMax, formatMoney, minorDigitsOf } from '#kernel/money'
import { systemClock } from '#ports/clock'
import { storeEnvironment } from '../local/running.ts'
import { stopSignal } from '../process/stop-signal.ts'
import {
  coversOptions,
  type FileImport,
  type ImportCounts,
  type ImportFault,
  importDefaults,
  importFile,
  reportLines,
  stockOptions,
  UnreadableFile,
} from '../services/catalog/service.ts'

export const summary =
  'import a catalogue from a CSV or ONIX file: octavo import FILE [--price 12.50] [--currency EUR] [--copies 10] [--stock set] [--map isbn=isbn13,…] [--dry-run]'

/** A catalogue is worked through in a hundred megabytes; without a bound, more is kept before it is cleared up. */
export const nodeOptions = ['--max-semi-space-size=4', '--max-old-space-size=256']

const usage = `usage: octavo import FILE [--price AMOUNT] [--currency CODE] [--copies N] [--stock keep|set]
                           [--covers leave|fetch] [--map FIELD=COLUMN,…] [--dry-run]

  --price AMOUNT   what new books cost whose record has no price; without it they are not for sale yet
  --currency CODE  of prices that do not name theirs, and preferred where there are several (the shop's)
  --copies N       copies owned of each new book whose record does not say (${importDefaults.copies})
  --stock set      sets the copies of known books to what the file says; without it their stock stays
  --covers fetch   fetches the pictures of covers that ONIX names, for books without a cover of their own
  --map PAIRS      columns by field where the header is not understood, such as isbn=isbn13,title="Name, short";
                   #3 is the third column, and none=COLUMN leaves one out
  --dry-run        tells what would change, and writes nothing

Known books change where the file says something else. It works on the database of the store
that runs on OCTAVO_DATA, and by that store's country, currency and time zone; or on OCTAVO_BOOK_DB, by those of its
own environment.`

/** @returns 0 when the file was taken, also where records were not; 1 when it could not be; 2 for wrong usage */
export async function run(args: string[]): Promise<number> {
  const parsed = readArguments(args)
  if (typeof parsed === 'string') return refused(parsed)
  await sizeOf(parsed.path)
  // A database named by itself is enough; otherwise the running store says where its one is, and how it sells.
  const environment = storeEnvironment(process.env, ['OCTAVO_BOOK_DB'])
  const asked = askedFor(parsed, readConfig(environment).shop)
  if (typeof asked === 'string') return refused(asked)
  const size = await sizeOf(asked.path)
  const progress = showProgress(size, process.stdout.isTTY === true)
  try {
    const { counts, report } = await importFile(
      readSecrets(environment, ['bookDb']).bookDb,
      systemClock,
      asked,
      {
        signal: stopSignal(),
        onBytes: progress.bytes,
        onProgress: progress.counts,
        onRejected: progress.rejected,
      },
    )
    progress.end()
    console.log(summaryOf(counts, asked))
    for (const text of reportLines(report, asked.dryRun)) console.log(text)
    return 0
  } catch (error) {
    progress.end()
    if (!(error instanceof UnreadableFile)) throw error
    console.error(`octavo import: ${asked.path}: ${error.message}`)
    if (progress.last.read > 0) console.error(`Before that: ${summaryOf(progress.last, asked)}`)
    return 1
  }
}

function refused(message: string): number {
  console.error(message === '' ? usage : `octavo import: ${message}\n\n${usage}`)
  return 2
}

type Parsed = { path: string; values: Record<string, string | boolean | undefined> }
type Asked = Required<Omit<FileImport, 'price'>> & Pick<FileImport, 'price'>

/** @returns the file and the options as they are written, or what is wrong with them */
function readArguments(args: string[]): Parsed | string {
  const text = { type: 'string' } as const
  let parsed: { values: Parsed['values']; positionals: string[] }
  try {
    const options = {
      price: text,
      currency: text,
      copies: text,
      stock: text,
      covers: text,
      map: text,
      'dry-run': { type: 'boolean' } as const,
    }
    parsed = parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    return (error as Error).message
  }
  const { values, positionals } = parsed
  const [path, ...more] = positionals
  if (path === undefined) return ''
  if (more.length > 0) return `one file at a time, please: ${more.join(' ')}`
  return { path, values }
}

/** @returns what was asked for, in a shop's terms, or what is wrong with it */
function askedFor({ path, values }: Parsed, shop: FileImport['shop']): Asked | string {
  const currency = String(values.currency ?? shop.currency)
  if (!isCurrency(currency)) return `--currency ${currency} is not an ISO 4217 code such as EUR`
  const amount = values.price === undefined ? undefined : minorUnits(String(values.price), currency)
  if (values.price !== undefined && amount === undefined)
    return `--price ${values.price} is not a price in ${currency}`
  const copies = String(values.copies ?? importDefaults.copies)
  if (!/^\d{1,9}$/.test(copies)) return `--copies ${copies} is not a whole number from 0`
  const stock = stockOptions.find((option) => option === (values.stock ?? importDefaults.stock))
  if (stock === undefined) return `--stock ${values.stock} is neither keep nor set`
  const covers = coversOptions.find((option) => option === (values.covers ?? 'leave'))
  if (covers === undefined) return `--covers ${values.covers} is neither leave nor fetch`
  return {
    path,
    stock,
    covers,
    map: String(values.map ?? ''),
    shop: { ...shop, currency },
    ...(amount !== undefined && { price: { amount, currency } }),
    copies: Number(copies),
    dryRun: values['dry-run'] === true,
  }
}

/** `12.50` or `12,50` as minor units. */
function minorUnits(text: string, currency: string): number | undefined {
  const [, whole, decimals = ''] = /^(\d{1,9})(?:[.,](\d{1,3}))?$/.exec(text) ?? []
  const digits = minorDigitsOf(currency)
  if (whole === undefined || decimals.length > digits) return undefined
  const amount = Number(whole + decimals.padEnd(digits, '0'))
  return amount <= amountMax ? amount : undefined
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === 'ENOENT' ? `there is no file ${path}` : `${path} cannot be read: ${error.message}`,
    )
  })
  if (!found.isFile()) throw new Error(`${path} is not a file`)
  return found.size
}

const barWidth = 30
const plainEveryMs = 2_000

/** A bar that moves on a terminal; in a log a line every two seconds. Rejected records are listed either way. */
function showProgress(size: number, isTerminal: boolean) {
  let read = 0
  let shownAtMs = performance.now()
  let last: ImportCounts = { read: 0, created: 0, updated: 0, unchanged: 0, rejected: 0 }
  const clear = () => isTerminal && process.stdout.write('\r\x1b[K')
  const draw = () => {
    const share = size === 0 ? 1 : Math.min(1, read / size)
    const filled = Math.round(share * barWidth)
    const percent = `${Math.floor(share * 100)}`.padStart(3)
    const text = `${percent} %  ${last.read} read, ${last.created} new, ${last.rejected} rejected`
    if (isTerminal)
      process.stdout.write(`\r\x1b[K${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${text}`)
    else if (performance.now() - shownAtMs > plainEveryMs) {
      shownAtMs = performance.now()
      console.log(text)
    }
  }
  return {
    get last() {
      return last
    },
    bytes: (bytes: number) => {
      read = bytes
    },
    counts: (counts: Readonly<ImportCounts>) => {
      last = { ...counts }
      draw()
    },
    rejected: ({ line, record, field, message }: ImportFault) => {
      clear()
      const place = line === undefined ? `record ${record}` : `line ${line}`
      console.error(`${place}${field === undefined ? '' : `, ${field}`}: ${message}`)
    },
    end: clear,
  }
}

function summaryOf(counts: ImportCounts, asked: Asked): string {
  const { read, created, updated, unchanged, rejected } = counts
  const done = `${read} record${read === 1 ? '' : 's'} read: ${created} new, ${updated} changed, ${unchanged} unchanged, ${rejected} rejected.`
  if (created === 0) return done
  const price = asked.price === undefined ? 'are not for sale yet' : `cost ${formatMoney(asked.price)}`
  return `${done}\nNew books without a price of their own ${price}; without a count, ${asked.copies} copies are owned.`
}
