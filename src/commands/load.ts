import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from '#config'
import { arrivals, dropReaders, dropSeconds } from '../local/load-arrivals.ts'
import { type Run, sendReaders } from '../local/load-readers.ts'
import { reportPage, reportText } from '../local/load-report.ts'
import { storeEnvironment } from '../local/running.ts'
import { stopSignal } from '../process/stop-signal.ts'

export const summary =
  'readers in the shape of a drop: octavo load [--readers 967] [--seconds 17] [--url URL] [--isbn ISBN]… [--html FILE]'

const readersMax = 100_000
const titlesMax = 100
const askLimitMs = 15_000

/** @returns 0 when every receipt is good, 1 when one is not or cannot be looked at, 130 when it was interrupted */
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
  const url = values.url === undefined ? runningStore() : addressOf(values.url)
  // Better now than when everybody has gone.
  if (values.html !== undefined) writeFileSync(values.html, '', { flag: 'a' })
  const isbns = await titlesOf(url, values.isbn)
  const stop = stopSignal()
  console.log(`${readers} readers in ${seconds} s, for ${isbns.length} titles, at ${url}`)
  const done = await sendReaders({
    ...{ url, isbns, stop },
    arrivals: arrivals(readers, seconds, Math.random),
    onProgress: showProgress,
  })
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
  tell(done, stop.aborted)
  if (values.html !== undefined) {
    writeFileSync(values.html, reportPage(done, `${readers} readers in ${seconds} s`))
    console.log(`The chart is in ${values.html}.`)
  }
  if (done.wrong.length + done.unchecked.length > 0) return 1
  return stop.aborted ? 130 : 0
}

function tell(done: Run, isInterrupted: boolean): void {
  const { receipts, wrong, unchecked, gone } = done
  if (isInterrupted) console.log('Interrupted: this is what it came to until then.')
  console.log(reportText(done))
  const paid = receipts.filter(({ isPaid }) => isPaid).length
  console.log(`\n${receipts.length} orders, ${paid} of them paid; ${gone} readers left before ordering.`)
  for (const text of wrong) console.error(`WRONG: ${text}`)
  if (unchecked.length > 0)
    console.error(`NOT CHECKED: ${unchecked.length} orders were acknowledged and cannot be looked up`)
  else if (wrong.length === 0 && receipts.length > 0)
    console.log('Every order that was acknowledged is there, and each key has one.')
}

function showProgress({ answers, receipts }: Run): void {
  if (process.stdout.isTTY)
    process.stdout.write(`\r\x1b[K${answers.length} requests answered, ${receipts.length} orders`)
}

function runningStore(): string {
  const { gateway, publicUrl } = readConfig(storeEnvironment())
  // A certificate is for the name that readers use.
  if (gateway.tls !== undefined) return publicUrl
  const isAny = ['0.0.0.0', '::'].includes(gateway.host)
  const host = isAny ? '127.0.0.1' : gateway.host.includes(':') ? `[${gateway.host}]` : gateway.host
  return `http://${host}:${gateway.port}`
}

function addressOf(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new ConfigError(`--url is "${text}"; it should be an address such as http://localhost:8080`)
  return text.replace(/\/+$/, '')
}

/** Those that were named, if they are there, else the limited editions. @throws Error when there are none */
async function titlesOf(url: string, named: readonly string[] | undefined): Promise<readonly string[]> {
  if (named !== undefined) {
    for (const isbn of named) await ask(url, `/api/books/${encodeURIComponent(isbn)}`)
    return named
  }
  const { items } = await ask(url, `/api/books?limited=true&available=true&limit=${titlesMax}`)
  if (!Array.isArray(items) || items.length === 0)
    throw new Error(`there is no limited edition left at ${url}; name titles with --isbn`)
  return (items as { isbn: string }[]).map(({ isbn }) => isbn)
}

async function ask(url: string, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(url + path, { signal: AbortSignal.timeout(askLimitMs) }).catch(
    (error: Error) => {
      throw new Error(`nobody answers at ${url}: ${reasonOf(error)}`)
    },
  )
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok || typeof body !== 'object' || body === null)
    throw new Error(`${url}${path} answers ${response.status}${response.ok ? ', and no JSON' : ''}`)
  return body as Record<string, unknown>
}

/** What a call failed of is in its cause. */
const reasonOf = (error: Error) => (error.cause instanceof Error ? error.cause.message : error.message)

function whole(name: string, text: string, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > max)
    throw new ConfigError(`${name} is "${text}"; it should be a whole number from 1 to ${max}`)
  return value
}
