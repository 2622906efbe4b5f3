import { type Config, readConfig, readSecrets, type Secrets } from '#config'
import type { FetchOverrides } from '../../src/services/catalog/cover/fetch-picture.ts'
import { createCatalog } from '../../src/services/catalog/service.ts'
import { testBookDb } from './book-db.ts'
import type { TestScope } from './database.ts'
import { passedOn } from './passed-on.ts'

/** A catalog service on a database of its own, for tests; `manager` and `bookseller` are its staff's tokens. */
export type TestCatalog = {
  databaseUrl: string
  url: string
  /** Calls the API as a manager; `body` is sent as JSON unless it is text already. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
}

export type Reply = {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  body: any
  headers: Headers
}

export const catalogSecret = 'a secret for tests'

export async function testCatalog(
  t: TestScope,
  name: string,
  { demo = false, pictures }: { demo?: boolean; pictures?: FetchOverrides } = {},
): Promise<TestCatalog> {
  const { url: databaseUrl } = await testBookDb(t, name)
  const catalog = await createCatalog(...testSettings(databaseUrl, demo), {
    authenticateStaff: async (token) =>
      token === 'manager' || token === 'bookseller' ? { email: `${token}@shop`, roles: [token] } : undefined,
    ...(pictures !== undefined && { pictures }),
  })
  t.after(() => catalog[Symbol.asyncDispose]())
  await catalog.start()
  return { databaseUrl, url: catalog.url, call: (...request) => call(catalog.url, ...request) }
}

export function testSettings(
  databaseUrl: string,
  demo: boolean,
): [Config, Secrets<'secret' | 'bookDb' | 'broker'>] {
  const env = {
    OCTAVO_BOOK_DB: databaseUrl,
    OCTAVO_BROKER: 'memory:',
    OCTAVO_DISCOVERY: 'static:',
    OCTAVO_SECRET: catalogSecret,
    OCTAVO_MIGRATE: 'on',
    OCTAVO_DEMO: demo ? 'on' : 'off',
  }
  return [readConfig(env), readSecrets(env, ['secret', 'bookDb', 'broker'])]
}

async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: 'Bearer manager',
      ...passedOn(catalogSecret, 'catalog'),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: isRaw(body) ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers }
}

const isRaw = (body: unknown): body is string | Uint8Array<ArrayBuffer> =>
  typeof body === 'string' || body instanceof Uint8Array
