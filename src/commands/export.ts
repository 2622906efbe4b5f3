import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import { systemClock } from '#ports/clock'
import { storeEnvironment } from '../local/running.ts'
import { type ExportFormat, exportFile, exportFormats } from '../services/catalog/service.ts'

export const summary = 'write the catalogue as ONIX 3.1 or CSV: octavo export FILE [--format onix|csv]'

/** As for an import. */
export const nodeOptions = ['--max-semi-space-size=4', '--max-old-space-size=256']

const usage = `usage: octavo export FILE [--format onix|csv]

  FILE      where it is written, or - for the standard output; a file there is replaced when the new one is whole
  --format  without it CSV for a FILE that ends in .csv, else ONIX 3.1

An import of the file changes nothing. It works on the database of the store that runs on OCTAVO_DATA, or on
OCTAVO_BOOK_DB.`

/** @returns 0 when the file is written, 2 for wrong usage */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { format: { type: 'string' } },
  })
  const [path, ...more] = positionals
  const format = values.format ?? (path?.toLowerCase().endsWith('.csv') ? 'csv' : 'onix')
  if (path === undefined || more.length > 0 || !isFormat(format)) {
    console.error(usage)
    return 2
  }
  const environment = storeEnvironment(process.env, ['OCTAVO_BOOK_DB'])
  const { bookDb } = readSecrets(environment, ['bookDb'])
  const pieces = Readable.from(exportFile(bookDb, systemClock, format, readConfig(environment).shop))
  if (path === '-') {
    await pipeline(pieces, process.stdout)
    return 0
  }
  const part = `${path}.part`
  try {
    await pipeline(pieces, createWriteStream(part))
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  return 0
}

const isFormat = (text: string): text is ExportFormat => (exportFormats as readonly string[]).includes(text)
