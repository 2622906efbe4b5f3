import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from '#config'
import { arrivals, dropReaders, dropSeconds } from '../local/load-arrivals.ts'
import { type Run, sendReaders } from '../local/load-readers.ts'
import { reportPage, reportText } from '../local/load-report.ts'
import { storeEnvironment } from '../local/running.ts'

export const summary =
  'readers in the shape of a drop: octavo load [--readers 967] [--seconds 17] [--html report.html]'

const readersMax = 100_000
const titlesMax = 100

/** @returns 0 when every receipt is good, 1 when one is not */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string' },
      readers: { type: 'string', default: String(dropReaders) },
      seconds: { type: 'string', default: String(dropSeconds) },
      isbn: { type: 'string', multiple: true },
      html: { type: 'string' },
    },
  })
  const readers = whole('--readers', values.readers, readersMax)
  const seconds = whole('--seconds', values.seconds, 3_600)
  const url = (values.url ?? `http://127.0.0.1:${readConfig(storeEnvironment()).gateway.port}`).replace(
    /\/+$/,
    '',
  )
  const isbns = values.isbn ?? (await limitedTitles(url))
  if (isbns.length === 0) throw new Error(`there is no limited edition at ${url}; name titles with --isbn`)
  console.log(`${readers} readers in ${seconds} s, for ${isbns.length} titles, at ${url}`)
  const done = await sendReaders({
    ...{ url, isbns },
    arrivals: arrivals(readers, seconds, Math.random),
    onProgress: showProgress,
  })
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
  console.log(reportText(done))
  const paid = done.receipts.filter(({ isPaid }) => isPaid).length
  console.log(
    `\n${done.receipts.length} orders, ${paid} of them paid; ${done.gone} readers left before ordering.`,
  )
  if (values.html !== undefined) {
    writeFileSync(values.html, reportPage(done, `${readers} readers in ${seconds} s`))
    console.log(`The chart is in ${values.html}.`)
  }
  for (const text of done.wrong) console.error(`WRONG: ${text}`)
  if (done.wrong.length === 0)
    console.log('Every order that was acknowledged is there, and each key has one.')
  return done.wrong.length === 0 ? 0 : 1
}

function showProgress({ answers, receipts }: Run): void {
  if (process.stdout.isTTY)
    process.stdout.write(`\r\x1b[K${answers.length} requests answered, ${receipts.length} orders`)
}

async function limitedTitles(url: string): Promise<string[]> {
  const response = await fetch(`${url}/api/books?limited=true&available=true&limit=${titlesMax}`)
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  const { items } = (await response.json()) as { items: { isbn: string }[] }
  return items.map(({ isbn }) => isbn)
}

function whole(name: string, text: string, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > max)
    throw new ConfigError(`${name} is "${text}"; it should be a whole number from 1 to ${max}`)
  return value
}
