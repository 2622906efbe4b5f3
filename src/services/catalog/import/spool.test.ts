import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { readCatalogue } from './read-catalogue.ts'
import { readCsv } from './read-csv.ts'
import { readOnix } from './read-onix.ts'
import { type SourceRecord, shopDefaults } from './source.ts'
import { spool } from './spool.ts'

/** Spooled files that this process holds open, removed ones too. */
function openCount(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('octavo-import-')
    } catch {
      return false
    }
  }).length
}

async function untilNoMoreThan(count: number): Promise<void> {
  for (
    const deadline = Date.now() + 5_000;
    openCount() > count;
    await new Promise((go) => setTimeout(go, 10))
  )
    assert.ok(Date.now() < deadline, 'the spooled file stays open')
}

const options = { mapping: {}, shop: shopDefaults, nowMs: 0 }
const rows = `isbn,title\n${'9780441172719,Dune\n'.repeat(50_000)}`
const products = `<ONIXMessage>${'<Product><a001>1</a001></Product>'.repeat(50_000)}</ONIXMessage>`
const readers: [string, string, (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<SourceRecord>][] = [
  ['CSV', rows, (bytes) => readCsv(bytes, options)],
  ['ONIX', products, (bytes) => readOnix(bytes, options)],
  ['a catalogue as CSV', rows, (bytes) => readCatalogue(bytes, options)],
  ['a catalogue as ONIX', products, (bytes) => readCatalogue(bytes, options)],
  ['no CSV', products, (bytes) => readCsv(bytes, options)],
  ['no ONIX', rows, (bytes) => readOnix(bytes, options)],
  ['damaged ONIX', `<ONIXMessage></x>${products}`, (bytes) => readOnix(bytes, options)],
]

for (const [name, text, recordsOf] of readers)
  test(`a spooled file is closed when its reader stops early: ${name}`, async () => {
    const before = openCount()
    await using spooled = await spool(Readable.from([Buffer.from(text)]))
    try {
      for await (const _record of recordsOf(spooled.read())) break
    } catch {
      // A reader that refuses the file stops early too.
    }
    await untilNoMoreThan(before)
  })
