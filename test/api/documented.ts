import assert from 'node:assert/strict'
import { test } from 'node:test'
import { octavo } from '../support/whole-store.ts'
import { accepted, checkReply, refused, wrongFields } from './client.ts'
import type { Operation } from './open-api.ts'
import { sendRaw } from './raw-http.ts'
import { addBook, confirmed, logIn, newIsbn, newKey, type Shop } from './shop.ts'

/** Answers that need a part of the store to be away or overloaded, a name set, a link to what is gone, or a picture that was fetched. */
const outOfReach =
  /^\w+ (5\d\d|408|414|421|429|431)$|^getObject 4(04|10)$|^noteObjects (204|400)$|^getPicture (200|304)$/

/** Runs last: what the OpenAPI document promises of every operation, and what all suites have seen of it. */
export function documentedSuite(shop: () => Shop): void {
  type Documented = { method: string; template: string; operation: Operation }
  const all = (): Documented[] =>
    Object.entries(shop().api.document.paths).flatMap(([template, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        template,
        operation,
      })),
    )
  const having = (status: number) => all().filter(({ operation }) => status in operation.responses)
  const isStream = ({ template }: Documented) => template.endsWith('/events')
  let samples: Record<string, string> = {}
  const pathOf = (template: string) =>
    template.replaceAll(/\{(\w+)\}/g, (_, name: string) => samples[name] ?? name)

  test('there is one of everything', async () => {
    const isbn = await addBook(shop())
    const { id, vouchers } = await confirmed(shop(), isbn)
    samples = { isbn, id, code: vouchers[0]?.code ?? '', name: 'today' }
    refused(await shop().get(`/api/books/${isbn}/picture`), 404)
    const raw = `isbn,title\n${newIsbn()},A\n`
    const reply = await shop().post('/api/imports', {
      raw,
      token: shop().staff,
      headers: { 'content-type': 'text/csv' },
    })
    samples.import = accepted(reply, 202).id
  })

  test('staff operations need a session, and most of them a role', async () => {
    const password = 'of lights and heating'
    const logInAs = async (role: string) => {
      const email = `only-${role}@example.org`
      const { code } = await octavo(shop().store, ['staff', 'add', email, '--roles', role], {
        OCTAVO_STAFF_PASSWORD: password,
      })
      assert.equal(code, 0)
      return await logIn(shop(), { email, password })
    }
    const [token, till] = [await logInAs('operator'), await logInAs('bookseller')]
    for (const { method, template, operation } of having(401).filter(
      ({ operation }) => operation.operationId !== 'logIn',
    )) {
      refused(await shop().send(method, pathOf(template)), 401)
      // Operators may read these, and booksellers may not.
      const other =
        ['getSystem', 'clearDeadLetters'].includes(operation.operationId) ||
        template.startsWith('/api/reports')
          ? till
          : token
      if (template !== '/api/session' && !template.startsWith('/api/session') && operation.responses[403])
        refused(await shop().send(method, pathOf(template), { token: other }), 403)
    }
  })

  test('bodies have to be of a kind and a size', async () => {
    const headers = (type: string) => ({ 'content-type': type, 'idempotency-key': newKey() })
    const [token, large] = [shop().staff, JSON.stringify({ a: 'a'.repeat(2 ** 21) })]
    for (const { method, template, operation } of having(415).filter(
      ({ operation }) => operation.requestBody !== undefined,
    )) {
      const what = { token, raw: 'a=1', headers: headers('image/png') }
      refused(await shop().send(method, pathOf(template), what), 415)
      if (operation.operationId === 'startImport') continue
      refused(
        await shop().send(method, pathOf(template), {
          token,
          raw: large,
          headers: headers('application/json'),
        }),
        413,
      )
      refused(
        await shop().send(method, pathOf(template), {
          token,
          body: { nothing: 1 },
          headers: headers('application/json'),
        }),
        // Whoever has no signature is not told what is wrong with the rest.
        operation.operationId === 'noteObjects' ? 403 : 400,
      )
    }
  })

  test('what is refused at the door is documented of every operation', async () => {
    const session = `authorization: Bearer ${shop().staff}\r\n`
    const requests: [number, string][] = [
      [400, 'host: a\r\n'],
      [403, `cookie: octavo_session=${shop().staff}\r\norigin: http://other.example\r\n`],
      [413, `${session}content-length: 9999999999\r\nexpect: 100-continue\r\n`],
      [415, `${session}content-encoding: gzip\r\ncontent-type: application/json\r\ncontent-length: 2\r\n`],
      [417, 'expect: tea\r\n'],
    ]
    for (const [status, headers] of requests)
      for (const { method, template, operation } of having(status)) {
        if (status === 403 && method === 'GET') continue
        const [path, body] = [pathOf(template), status === 415 ? '{}' : '']
        const request = `${method} ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n${body}`
        const reply = await sendRaw(shop().url, request)
        assert.ok(reply, `there is an answer to ${request}`)
        checkReply(request, reply, path)
        refused(reply, status)
        shop().api.check(operation, status, 'application/problem+json', reply.body)
      }
  })

  test('a query names nothing that its operation does not know', async () => {
    for (const { method, template, operation } of having(400)) {
      if (method !== 'GET') continue
      const reply = await shop().get(`${pathOf(template)}?nothing=1`, { token: shop().staff })
      if (operation.operationId !== 'getObject')
        assert.deepEqual(wrongFields(reply), ['nothing'], `${method} ${template}`)
      else refused(reply, 400)
    }
  })

  test('an address that is badly encoded is refused by all', async () => {
    for (const { method, template } of all().filter(({ template }) => template.includes('{')))
      refused(await shop().send(method, template.replace(/\{\w+\}/, '%zz'), { token: shop().staff }), 400)
  })

  test('what is read can be asked for again only if it has changed', async () => {
    for (const each of having(304).filter(
      (each) => !isStream(each) && !['getObject', 'getPicture'].includes(each.operation.operationId),
    )) {
      const path =
        each.template === '/api/imports/{id}' ? `/api/imports/${samples.import}` : pathOf(each.template)
      const reply = await shop().get(path, { token: shop().staff, headers: { 'if-none-match': '*' } })
      assert.deepEqual([reply.status, reply.text], [304, ''], path)
      assert.ok(reply.headers.get('etag'), path)
    }
  })

  test('every answer that is documented has been seen', () => {
    const { seen } = shop().api
    const missing = all().flatMap(({ operation: { operationId, responses } }) =>
      Object.keys(responses)
        .map((status) => `${operationId} ${status}`)
        .filter((each) => !seen.has(each) && !outOfReach.test(each)),
    )
    assert.deepEqual(missing, [])
  })
}
