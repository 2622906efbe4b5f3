import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { accepted, type Reply, type RequestOptions } from './client.ts'
import type { Operation } from './open-api.ts'
import { type RandomInput, randomInput } from './random-input.ts'
import { ada, addBook, confirmed, goodCard, newIsbn, newKey, type Placed, type Shop } from './shop.ts'

/** It ends after so many answers, or in time once there were a few; OCTAVO_TEST_LONG=on wants all of them, and more of them. */
const isLong = process.env.OCTAVO_TEST_LONG === 'on'
const answersMax = isLong ? 40_000 : 20_000
const answeredMin = isLong ? answersMax : 500
const durationMs = Number(process.env.OCTAVO_TEST_SECONDS ?? (isLong ? 900 : 15)) * 1000
const atOnce = 12
/** Each takes a tenth of a second of a processor, or writes a file: a few of them are enough. */
const costly: ReadonlySet<string> = new Set(['logIn', 'startImport', 'changePassword'])
const costlyShare = isLong ? 0.2 : 0.05
/** Operations whose success needs what nothing made up can have. */
const outOfReach: ReadonlySet<string> = new Set([
  ...[
    'logIn',
    'logOut',
    'endSession',
    'endSessions',
    'changePassword',
    'offerSecondFactor',
    'confirmSecondFactor',
    'getPicture',
    'getObject',
    'noteObjects',
    'getImport',
    'deleteBook',
  ],
  ...['cancelOrder', 'redeemVoucher', 'payOrder'],
])
/** What the gateway may grow by while it answers: buffers and compiled code, and nothing for each request. */
const growthBytesMax = 250 * 1024 * 1024

type Documented = { method: string; template: string; operation: Operation }

/** Requests that are right but for something at random, to every documented operation. */
export function fuzzSuite(shop: () => Shop): void {
  test('whatever is sent, no answer is a server error, and every refusal is a problem', async (t) => {
    const seed = Number(process.env.OCTAVO_TEST_SEED ?? randomInt(2 ** 31))
    t.diagnostic(`seed ${seed}; OCTAVO_TEST_SEED repeats it`)
    const operations: Documented[] = Object.entries(shop().api.document.paths).flatMap(
      ([template, methods]) =>
        // Until the warehouse is loaded for the first time, reports are rightly 503.
        template.startsWith('/api/reports')
          ? []
          : Object.entries(methods).map(([method, operation]) => ({
              method: method.toUpperCase(),
              template,
              operation,
            })),
    )
    const isbn = await addBook(shop(), { copies: 1_000_000 })
    const order = await confirmed(shop(), isbn)
    const statuses = new Map<number, number>()
    const succeeded = new Set<string>()
    const before = await memoryOf(shop())
    const startedMs = performance.now()
    let left = answersMax
    const work = async (input: RandomInput) => {
      const isDue = () => performance.now() - startedMs >= durationMs && answersMax - left >= answeredMin
      while (left > 0 && !isDue()) {
        const each = input.pick(operations)
        if (costly.has(each.operation.operationId) && !input.chance(costlyShare)) continue
        left--
        const { path, options } = requestFor(each, input, { isbn, order, staff: shop().staff })
        const { status } = await send(shop(), each.method, path, options, seed)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status >= 200 && status < 300) succeeded.add(each.operation.operationId)
      }
    }
    // Numbers of its own for each, so that they do not depend on who is answered first.
    await Promise.all(Array.from({ length: atOnce }, (_, i) => work(randomInput(seed + i))))
    const total = [...statuses.values()].reduce((sum, count) => sum + count, 0)
    t.diagnostic(
      `${total} answers, ${Math.round((total * 1_000) / (performance.now() - startedMs))} a second: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}`,
    )
    const never = operations
      .map(({ operation }) => operation.operationId)
      .filter((id) => !succeeded.has(id) && !outOfReach.has(id))
    t.diagnostic(`never right: ${never.join(', ') || 'none'}`)
    if (isLong) assert.deepEqual(never, [], 'of each operation some requests were right')
    const grownBytes = (await memoryOf(shop())) - before
    assert.ok(grownBytes < growthBytesMax, `the gateway grew by ${grownBytes} bytes`)
    accepted(await shop().get('/readyz'))
  })
}

async function memoryOf(shop: Shop): Promise<number> {
  const { text } = await shop.get('/metrics')
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1])
}

/** Streams of events never end: what they begin with is looked at, and they are left. */
async function send(shop: Shop, method: string, path: string, options: RequestOptions, seed: number) {
  try {
    if (!/\/events(\?|$)/.test(path)) return await shop.send(method, path, options)
    const headers = { ...options.headers, ...(options.token && { authorization: `Bearer ${options.token}` }) }
    const controller = new AbortController()
    const { status } = await fetch(shop.url + path, { method, headers, signal: controller.signal })
    controller.abort()
    assert.ok(status < 500, `${path} → ${status}`)
    return { status } as Reply
  } catch (error) {
    // A header that the client itself will not send proves nothing.
    if (error instanceof TypeError && /fetch failed|ByteString|invalid|Headers/i.test(String(error)))
      return { status: 0 }
    const { raw, body, ...rest } = options
    const sent = JSON.stringify({
      ...rest,
      body,
      raw: raw === undefined ? undefined : String(raw).slice(0, 500),
    })
    throw new Error(`seed ${seed}: ${method} ${path.slice(0, 1_000)} ${sent}`, { cause: error })
  }
}

type Known = { isbn: string; order: Placed; staff: string }

function requestFor(
  { template, operation }: Documented,
  input: RandomInput,
  { isbn, order, staff }: Known,
): { path: string; options: RequestOptions } {
  // Cancelled, its book could be removed, and there would be nothing left to get right.
  const id = operation.operationId === 'cancelOrder' ? randomUUID() : order.id
  const right: Record<string, string> = { isbn, id, code: order.vouchers[0]?.code ?? '', key: 'a' }
  const raw = ['%zz', '%00', '%ff', '%2e%2e', '.', '%20', '+', ';', '%2f']
  const odd = () => (input.chance(0.2) ? input.pick(raw) : encoded(input.text()) || '_')
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    input.chance(0.5) ? (right[name] ?? 'a') : odd(),
  )
  const query = (operation.parameters ?? [])
    .filter((parameter) => parameter.in === 'query' && input.chance(0.3))
    .map(({ name }) => `${name}=${odd()}`)
  if (input.chance(0.05)) query.push(`${odd()}=${odd()}`)
  const headers: Record<string, string> = {
    'idempotency-key': input.chance(0.9) ? newKey() : headerText(input),
  }
  for (const name of [
    'if-match',
    'if-none-match',
    'last-event-id',
    'accept',
    'accept-encoding',
    'cookie',
    'traceparent',
  ])
    if (input.chance(0.1)) headers[name] = headerText(input)
  // Everybody's session is not for ending.
  const tokens = [
    order.token,
    undefined,
    'staff_x',
    ...(endsSessions.has(operation.operationId) ? [] : [staff, staff, staff]),
  ]
  const token = input.pick(tokens)
  return {
    path: query.length === 0 ? path : `${path}?${query.join('&')}`,
    options: { token, headers, ...bodyFor(operation, input, isbn, headers) },
  }
}

const endsSessions: ReadonlySet<string> = new Set([
  'logOut',
  'endSession',
  'endSessions',
  'changePassword',
  'offerSecondFactor',
])

function bodyFor(
  operation: Operation,
  input: RandomInput,
  isbn: string,
  headers: Record<string, string>,
): Pick<RequestOptions, 'body' | 'raw'> {
  if (operation.requestBody === undefined) return {}
  if (operation.operationId === 'startImport') {
    headers['content-type'] = input.pick(['text/csv', 'application/xml', 'text/csv; charset=utf-8'])
    return { raw: catalogue(input) }
  }
  const whole = bodies(isbn)[operation.operationId] ?? {}
  let body: unknown = whole
  for (let i = input.number(4); i > 0; i--) body = input.spoiled(body)
  if (input.chance(0.85)) return { body }
  const text = JSON.stringify(body)
  headers['content-type'] = input.pick([
    'application/json',
    'application/json',
    'application/merge-patch+json',
    'text/json',
  ])
  return { raw: input.chance(0.5) ? text.slice(0, input.number(text.length)) : text + input.text() }
}

const bodies = (isbn: string): Record<string, unknown> => ({
  placeOrder: {
    customer: ada,
    lines: [
      { isbn, quantity: 1 },
      { isbn, quantity: 2 },
    ],
  },
  setStock: { copies: 1_000_000, reason: 'Counted' },
  payOrder: { method: 'test', card: goodCard },
  logIn: { email: 'fuzz@example.org', password: 'x' },
  eraseCustomer: { email: 'nobody-of-ours@example.org' },
  changePassword: { current: 'x', password: 'a quiet corner by the window' },
  noteObjects: { Records: [] },
  createBook: wholeBook(newIsbn()),
  replaceBook: wholeBook(isbn),
  changeBook: {
    title: 'Changed',
    price: { amount: 100 },
    subjects: ['A'],
    salesOpenAt: null,
    perCustomer: 3,
  },
})

const wholeBook = (isbn: string) => ({
  isbn,
  title: 'Whole',
  subtitle: null,
  contributors: [{ name: 'A', role: 'author' }],
  publishedOn: '1818-01-01',
  language: 'en',
  format: 'book',
  description: 'Text',
  subjects: ['A', 'B'],
  price: { amount: 100, currency: 'EUR' },
  limited: false,
  perCustomer: null,
  salesOpenAt: '2020-01-01T00:00:00Z',
})

function catalogue(input: RandomInput): string {
  const header = [
    'isbn',
    'title',
    'author',
    'price',
    'copies',
    'year',
    'limited',
    'salesOpenAt',
    'perCustomer',
  ]
  const rows = Array.from({ length: input.number(5) }, () =>
    header
      .map((name) => (name === 'isbn' && input.chance(0.7) ? newIsbn() : input.text()))
      .join(input.pick([',', ',', ';'])),
  )
  const text = [header.join(','), ...rows].join(input.pick(['\n', '\r\n']))
  return input.chance(0.3) ? text.slice(input.number(text.length)) : text
}

const encoded = (text: string) => encodeURIComponent(text.toWellFormed())
/** Header values are bytes; what no client would send is left out. */
const headerText = (input: RandomInput) =>
  Buffer.from(input.text().slice(0, 2_000))
    .toString('latin1')
    .replaceAll(/\p{Cc}/gu, '')
