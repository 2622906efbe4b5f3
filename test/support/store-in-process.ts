import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '#config'
import { roles } from '#roles'
import { freeInnerPort } from '../../src/local/free-port.ts'
import { testBookDb } from './book-db.ts'
import { type TestScope, testDatabase } from './database.ts'
import { until } from './until.ts'

export const storeSecret = 'a secret for tests'

export type StoreInProcess = {
  url: string
  staff: { email: string; password: string }
  /** URL of its OrderDb. */
  orderDb: string
  /** Where the order service listens. */
  ordersUrl: string
}

/** Every role of a store in this very process, on databases of its own: for tests that watch its event loop. */
export async function startStoreInProcess(
  scope: TestScope,
  name: string,
  env: Record<string, string> = {},
): Promise<StoreInProcess> {
  const [books, orders] = await Promise.all([testBookDb(scope, name), testDatabase(scope, name, 'orders')])
  const data = mkdtempSync(join(tmpdir(), 'octavo-test-'))
  scope.after(() => rmSync(data, { recursive: true, force: true }))
  const key = join(data, 'voucher-key.pem')
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const staff = { email: 'staff@example.org', password: 'a quiet corner by the window' }
  const settings = {
    OCTAVO_PORT: '0',
    OCTAVO_DATA: data,
    OCTAVO_SECRET: storeSecret,
    OCTAVO_BOOK_DB: books.url,
    OCTAVO_ORDER_DB: orders.url,
    OCTAVO_VOUCHER_KEY: key,
    OCTAVO_STAFF_EMAIL: staff.email,
    OCTAVO_STAFF_PASSWORD: staff.password,
    OCTAVO_DISCOVERY: `registry://127.0.0.1:${await freeInnerPort()}`,
    OCTAVO_MIGRATE: 'on',
    ...env,
  }
  const opened = new AsyncDisposableStack()
  scope.after(() => opened.disposeAsync())
  let url = ''
  const urls = new Map<string, string>()
  for (const role of roles.filter(({ isOfFleet }) => !isOfFleet)) {
    const service = opened.use(await role.create(readConfig(settings), settings))
    await service.start()
    url = service.url
    urls.set(role.name, url)
  }
  await until(async () => (await fetch(`${url}/readyz`)).status === 200)
  return { url, staff, orderDb: orders.url, ordersUrl: urls.get('orders') ?? '' }
}
