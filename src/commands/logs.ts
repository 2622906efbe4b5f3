import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import { openDatabase } from '#ports/database'
import { prettyLine } from '#ports/log'
import { type KeptLine, linesWith } from '../local/kept-log.ts'
import { NoStoreError, storeEnvironment } from '../local/running.ts'
import { describe } from '../process/describe-error.ts'
import { tellOrder } from '../services/orders/tell-order.ts'

export const summary =
  'what became of one order: the lines of all roles, and what OrderDb remembers [--json]: octavo logs ORDER'

const uuid = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i
/** What a line is about beside the order: lines about these are the order's too. */
const alsoAbout = ['transactionId', 'linked', 'requestId', 'octavo.request.id', 'sagaId', 'octavo.saga.id']
const idsMax = 100
const moreIsTold = 'A store that runs with OCTAVO_LOG_LEVEL=debug also logs each step of each order.'

/** @returns 0, 1 when nothing is known of the order, 2 asked for the wrong way */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  })
  const [asked = '', ...more] = positionals
  if (!uuid.test(asked) || more.length > 0) {
    console.error(
      'octavo logs ORDER: the id of an order, as its page and its address have it, or of its trace',
    )
    return 2
  }
  const id = hyphenated(asked)
  const { lines: remembered, note } = await remember(id)
  const lines = [...remembered, ...keptLines(readConfig(process.env).dataPath, id, remembered)].sort(byTime)
  if (values.json) for (const line of lines) console.log(JSON.stringify(line))
  else {
    console.log(`Order ${id}, trace ${id.replaceAll('-', '')}`)
    for (const line of lines) console.log(shown(line))
    if (note !== undefined) console.log(note)
    if (!lines.some(({ level }) => level === 'debug')) console.log(moreIsTold)
  }
  if (lines.length > 0) return 0
  if (values.json && note !== undefined) console.error(note)
  console.error('Nothing is known of this order here.')
  return 1
}

/** All lines that name the order, then those that name its transaction, request or saga. */
function keptLines(dataPath: string, id: string, remembered: readonly KeptLine[]): KeptLine[] {
  const own = linesWith(dataPath, [id])
  const ids = [...remembered, ...own].flatMap((line) => alsoAbout.flatMap((name) => line[name] ?? []))
  const words = [
    ...new Set([id, ...ids.filter((each) => typeof each === 'string' && each !== '')]),
  ] as string[]
  return linesWith(dataPath, words.slice(0, idsMax))
}

/** What OrderDb has, which needs no log; without a store that runs, or while OrderDb is away, there is only the log. */
async function remember(id: string): Promise<{ lines: KeptLine[]; note?: string }> {
  try {
    const { orderDb } = readSecrets(storeEnvironment(process.env, ['OCTAVO_ORDER_DB']), ['orderDb'])
    await using database = await openDatabase(orderDb, { applicationName: 'logs' })
    const told = await tellOrder(database, id)
    const lines = told.map(({ at, text, transactionId }) => ({
      ...{ process: 'order-db', time: at.toISOString(), message: text, orderId: id },
      ...(transactionId !== null && { transactionId }),
    }))
    return { lines }
  } catch (error) {
    const why =
      error instanceof NoStoreError ? 'No store runs here' : `OrderDb says nothing (${describe(error)})`
    return { lines: [], note: `${why}, so this is only what was logged.` }
  }
}

function shown({ process, orderId: _order, orderIds, ...line }: KeptLine): string {
  const others = Array.isArray(orderIds) && orderIds.length > 0 ? { orders: orderIds.length } : {}
  const millisecond = String(line.time ?? '').slice(19, 23)
  const text = prettyLine({ ...line, part: undefined, ...others }).trimEnd()
  return `${text.slice(0, 8)}${millisecond} ${String(process ?? '').padEnd(12)} ${text.slice(9)}`
}

const byTime = (a: KeptLine, b: KeptLine) => (String(a.time) < String(b.time) ? -1 : 1)

function hyphenated(id: string): string {
  const digits = id.replaceAll('-', '').toLowerCase()
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => digits.slice(from, to))
    .join('-')
}
