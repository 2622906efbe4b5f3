import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { readConfig } from '#config'
import { makeCode } from '#kernel/voucher-code'
import { type Broker, openBroker } from '#ports/broker'
import { systemClock } from '#ports/clock'
import { callHeader, callSigner } from '#ports/http'
import {
  type ObjectCreated,
  type ObjectStore,
  objectCreatedTopic,
  openObjectStore,
  signedLink,
} from '#ports/object-store'
import type { Service } from '#process/service-shell'
import { type TestScope, testDatabase } from '../../../test/support/database.ts'
import { fetchAsGateway } from '../../../test/support/passed-on.ts'
import { until } from '../../../test/support/until.ts'
import { type VoucherData, voucherObjectKey } from './contract.ts'
import { createVouchers } from './service.ts'

const secret = 'the secret of this test'
const fetch = fetchAsGateway(secret, 'vouchers')

test('vouchers that are asked for are drawn, stored, and announced to whoever listens', async (t) => {
  const { shop, announced, ask } = await open(t, { broker: (await testDatabase(t, 'vouchers')).url })
  const [one, two] = [voucher(), voucher()]
  const asked = await ask([one, two])
  assert.deepEqual([asked.status, asked.body.stored], [202, []])
  const keys = [one, two].map((each) => voucherObjectKey(each.orderId, each.code)).sort()
  await until(() => announced.length === 2)
  assert.deepEqual(announced.map(({ key }) => key).sort(), keys)
  for (const key of keys) {
    const answer = await fetch(shop.url + link(key))
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'application/pdf')
    assert.match(await answer.text(), /^%PDF-1\.7/)
  }
})

test('asking again draws nothing twice, and names what is stored: so a lost announcement costs nothing', async (t) => {
  let announcements = 0
  const { ask } = await open(t, {
    openStore: async (folder) =>
      openObjectStore(folderUrl(folder), {
        secret,
        onCreated: () => {
          announcements++
          throw new Error('the broker is away')
        },
      }),
  })
  const data = voucher()
  await Promise.all([ask([data, data]), ask([data]), ask([data])])
  await until(async () => (await ask([data])).body.stored?.length === 1)
  const other = voucher()
  assert.deepEqual((await ask([other, data])).body.stored, [data.code])
  assert.ok(announcements <= 2)
  await until(async () => (await ask([other, data])).body.stored?.length === 2)
  assert.equal(announcements, 2)
})

test('a link downloads its file once checked: by name, from the cache while unchanged, never forged or late', async (t) => {
  const { shop, ask } = await open(t)
  const data = voucher()
  const key = voucherObjectKey(data.orderId, data.code)
  await until(async () => (await ask([data])).body.stored?.length === 1)
  const answer = await fetch(shop.url + link(key))
  const etag = answer.headers.get('etag') ?? ''
  assert.equal(
    answer.headers.get('content-disposition'),
    `inline; filename="octavo-voucher-${data.code}.pdf"`,
  )
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  assert.equal((await answer.bytes()).length, Number(answer.headers.get('content-length')))
  const again = await fetch(shop.url + link(key), { headers: { 'if-none-match': etag } })
  assert.equal(again.status, 304)
  const head = await fetch(shop.url + link(key), { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), answer.headers.get('content-length'))

  const statusOf = async (path: string) => (await fetch(shop.url + path)).status
  assert.equal(await statusOf(link(key, -1)), 403)
  assert.equal(
    await statusOf(
      link(key).replace(/signature=(.)/, (_, first) => `signature=${first === 'A' ? 'B' : 'A'}`),
    ),
    403,
  )
  assert.equal(await statusOf(link(key).replace(/expires=1/, 'expires=2')), 403)
  assert.equal(await statusOf(link(voucherObjectKey(data.orderId, 'other')).replace('other', data.code)), 403)
  assert.equal(await statusOf(link('vouchers/none.pdf')), 404)
  assert.equal(await statusOf(`/api/files/${encodeURIComponent(key)}`), 400)
  assert.equal(
    await statusOf(`/api/files/${encodeURIComponent('../../etc/passwd')}?expires=1&signature=a`),
    403,
  )
  assert.equal(await statusOf(`/api/files/${encodeURIComponent(key)}?expires=soon&signature=a`), 400)
})

test('a store that fails for a while delays a voucher and does not lose it', async (t) => {
  let failures = 3
  const { ask } = await open(t, {
    openStore: async (folder) => {
      const store = await openObjectStore(folderUrl(folder), { secret })
      return {
        ...store,
        put: async (...put: Parameters<ObjectStore['put']>) => {
          if (failures-- > 0) throw new Error('no room')
          return store.put(...put)
        },
      }
    },
  })
  const data = voucher()
  await ask([data])
  await until(async () => (await ask([data])).body.stored?.length === 1)
  assert.ok(failures < 0)
})

test('more vouchers than the queue holds are refused with a time to come back, and none of them is taken', async (t) => {
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const { ask } = await open(t, {
    queueMax: 10,
    openStore: async (folder) => {
      const store = await openObjectStore(folderUrl(folder), { secret })
      return { ...store, put: () => held, head: async () => undefined }
    },
  })
  assert.equal((await ask(many(8))).status, 202)
  assert.equal((await ask(many(3))).status, 429)
  assert.equal((await ask(many(2))).status, 202)
  const refused = await ask([voucher()])
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.retryAfter) >= 1)
  release()
})

test('nobody outside may ask for vouchers, and a request of another shape is refused field by field', async (t) => {
  const { shop, ask } = await open(t)
  const stranger = await fetch(`${shop.url}/internal/vouchers`, { method: 'POST', body: '{}' })
  assert.equal(stranger.status, 404)
  const wrong = await ask([{ ...voucher(), code: '../../x' }])
  assert.equal(wrong.status, 400)
  assert.equal((await ask([{ ...voucher(), number: 'one' } as unknown as VoucherData])).status, 400)
})

test('the cover comes from the catalogue, and its absence or nonsense costs nothing but the cover', async (t) => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 3"><path d="M0 0h2v3z" fill="#123456"/></svg>'
  let asked = 0
  const catalog = createServer((request, response) => {
    asked++
    if (request.url?.includes('9780000000001')) response.end('<svg broken')
    else if (request.url?.includes('9780000000002')) response.writeHead(404).end('{}')
    else response.end(svg)
  })
  await new Promise<void>((resolve) => catalog.listen(0, '127.0.0.1', resolve))
  t.after(() => catalog.close())
  const { port } = catalog.address() as AddressInfo
  const { ask } = await open(t, { discovery: `static:catalog=http://127.0.0.1:${port}` })
  const all = ['9780000000001', '9780000000002', '9780000000003', '9780000000003'].map((isbn) =>
    voucher({ isbn }),
  )
  await ask(all)
  await until(async () => (await ask(all)).body.stored?.length === 4)
  assert.ok(asked >= 3 && asked <= 4, 'one request per book')
})

test('stopping finishes what was asked for and refuses what comes after', async (t) => {
  const { shop, ask, folder } = await open(t)
  const all = many(20)
  assert.equal((await ask(all)).status, 202)
  await shop[Symbol.asyncDispose]()
  await using store = await openObjectStore(folderUrl(folder), { secret })
  assert.equal((await store.list('vouchers/')).length, 20)
  await assert.rejects(fetch(shop.url))
})

type Options = {
  broker?: string
  discovery?: string
  queueMax?: number
  openStore?: (folder: string) => Promise<ObjectStore>
}
type Opened = {
  shop: Service
  folder: string
  announced: ObjectCreated[]
  ask: (
    vouchers: VoucherData[],
  ) => Promise<{ status: number; body: { stored?: string[] }; retryAfter?: string }>
}

async function open(t: TestScope, options: Options = {}): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-vouchers-'))
  const { openStore, queueMax } = options
  const config = readConfig({ OCTAVO_DISCOVERY: options.discovery ?? 'static:' })
  const secrets = { secret, broker: options.broker ?? `memory:${folder}`, objectStore: folderUrl(folder) }
  const announced: ObjectCreated[] = []
  const broker: Broker = await openBroker(secrets.broker, { applicationName: 'test' })
  await broker.listen([objectCreatedTopic], async (m) => void announced.push(m.payload as ObjectCreated))
  const shop = await createVouchers(config, secrets, {
    ...(openStore && { openStore: () => openStore(folder) }),
    ...(queueMax && { queueMax }),
  })
  await shop.start()
  let disposed = false
  const dispose = async () => {
    if (!disposed) await shop[Symbol.asyncDispose]()
    disposed = true
  }
  t.after(async () => {
    await dispose()
    await broker[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    shop: { ...shop, url: shop.url, [Symbol.asyncDispose]: dispose },
    folder,
    announced,
    async ask(vouchers) {
      const answer = await fetch(`${shop.url}/internal/vouchers`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [callHeader]: callSigner(secret).call('POST', '/internal/vouchers', JSON.stringify({ vouchers })),
        },
        body: JSON.stringify({ vouchers }),
      })
      const retryAfter = answer.headers.get('retry-after')
      return {
        status: answer.status,
        body: (await answer.json()) as { stored?: string[] },
        ...(retryAfter !== null && { retryAfter }),
      }
    },
  }
}

const folderUrl = (folder: string) => pathToFileURL(folder).href

function voucher(over: Partial<VoucherData> = {}): VoucherData {
  return {
    code: makeCode(systemClock),
    signature: randomBytes(64).toString('base64url'),
    isbn: '9780141439518',
    title: 'Pride and Prejudice',
    contributors: ['Jane Austen'],
    customerName: 'Ada Byron',
    orderId: systemClock.uuid(),
    orderedAt: '2026-11-20T12:00:00Z',
    number: 1,
    count: 1,
    ...over,
  }
}

const many = (count: number) => Array.from({ length: count }, () => voucher())

function link(key: string, inMs = 60_000): string {
  return signedLink(secret, key, Date.now() + inMs)
}
