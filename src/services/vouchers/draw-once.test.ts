import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Message, openBroker } from '#ports/broker'
import { objectCreatedTopic, openObjectStore } from '#ports/object-store'
import { testDatabase } from '../../../test/support/database.ts'
import { until } from '../../../test/support/until.ts'
import { type VoucherData, voucherObjectKey, vouchersWantedTopic } from './contract.ts'

const main = join(import.meta.dirname, '..', '..', 'main.ts')

const voucher = (code: string): VoucherData => {
  return {
    ...{ code, signature: 's', isbn: '9780140328721', title: 'Ærøskøbing', contributors: ['Ada Byron'] },
    ...{
      customerName: 'n',
      orderId: randomUUID(),
      orderedAt: '2026-01-01T00:00:00.000Z',
      number: 1,
      count: 1,
    },
  }
}

test('octavo serve vouchers --once draws what is due, tells of it, leaves what cannot be drawn, and ends', async (t) => {
  const { url } = await testDatabase(t, 'draw_once')
  const folder = mkdtempSync(join(tmpdir(), 'octavo-once-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const env = {
    PATH: process.env.PATH,
    OCTAVO_BROKER: url,
    OCTAVO_OBJECT_STORE: pathToFileURL(folder).href,
    OCTAVO_SECRET: 'a secret for tests',
    OCTAVO_DISCOVERY: 'static:',
  }
  const once = async (): Promise<{ code: number | null; said: string }> => {
    const child = spawn(process.execPath, [main, 'serve', 'vouchers', '--once'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk
      })
    return { code: await new Promise((resolve) => child.on('close', resolve)), said }
  }

  assert.match((await once()).said, /"messages":0.*drew what was due/, 'nothing is due yet')
  await using broker = await openBroker(url, { applicationName: 'test' })
  const told: Message[] = []
  await broker.listen([objectCreatedTopic], async (message) => void told.push(message))
  const wanted = ['first', 'second', 'third'].map(voucher)
  const payloads = [...wanted.map((each) => ({ vouchers: [each] })), { vouchers: 'of a later version' }]
  await broker.publish(payloads.map((payload) => ({ topic: vouchersWantedTopic, payload })))
  const { code, said } = await once()
  assert.equal(code, 0, said)
  await using store = await openObjectStore(env.OCTAVO_OBJECT_STORE, { secret: 'a secret for tests' })
  const keys = wanted.map((each) => voucherObjectKey(each.orderId, each.code)).sort()
  assert.deepEqual(await store.list('vouchers/'), keys)
  assert.match(Buffer.from((await store.get(keys[0] ?? ''))?.body ?? []).toString('latin1'), /^%PDF-/)
  await until(() => told.length === 3)
  const letters = await broker.deadLetters('vouchers-draw')
  assert.deepEqual(
    letters.map(({ error }) => error),
    ['it asks for vouchers in a form that this version cannot read'],
  )
  assert.match((await once()).said, /"messages":0.*drew what was due/, 'it is drawn once')
})
