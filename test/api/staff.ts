import assert from 'node:assert/strict'
import { test } from 'node:test'
import { octavo } from '../support/whole-store.ts'
import { accepted, type Client, refused, wrongFields } from './client.ts'
import { addBook, confirmed, line, logIn, newIsbn, order, place, type Shop } from './shop.ts'

const password = 'one for the shelf'
const roles = ['bookseller', 'manager', 'operator'] as const

/** Sessions, roles, and what staff may list. */
export function staffSuite(shop: () => Shop): void {
  const emailOf = (role: string) => `${role}@example.org`
  const tokens: Record<string, string> = {}

  test('octavo staff add makes accounts with roles', async () => {
    for (const role of roles) {
      const args = ['staff', 'add', emailOf(role), '--roles', role]
      const { code, said } = await octavo(shop().store, args, { OCTAVO_STAFF_PASSWORD: password })
      assert.equal(code, 0, said)
      tokens[role] = await logIn(shop(), { email: emailOf(role), password })
      const session = accepted(await shop().get('/api/session', { token: tokens[role] }))
      assert.deepEqual(session, { email: emailOf(role), roles: [role], secondFactor: false })
    }
    assert.equal((await octavo(shop().store, ['staff', 'add', 'x@example.org', '--roles', 'king'])).code, 2)
  })

  test('who gives an account another password ends its sessions', async () => {
    const add = (password: string) =>
      octavo(shop().store, ['staff', 'add', 'left@example.org', '--roles', 'bookseller'], {
        OCTAVO_STAFF_PASSWORD: password,
      })
    assert.equal((await add(password)).code, 0)
    const token = await logIn(shop(), { email: 'left@example.org', password })
    accepted(await shop().get('/api/session', { token }))
    assert.equal((await add('another long password')).code, 0)
    refused(await shop().get('/api/session', { token }), 401)
  })

  test('staff give themselves another password, and are logged out everywhere else', async () => {
    const [email, password] = ['renewed@example.org', 'the first of two passwords']
    const { code } = await octavo(shop().store, ['staff', 'add', email, '--roles', 'bookseller'], {
      OCTAVO_STAFF_PASSWORD: password,
    })
    assert.equal(code, 0)
    const [here, elsewhere] = [
      await logIn(shop(), { email, password }),
      await logIn(shop(), { email, password }),
    ]
    const change = (current: string, next: string) =>
      shop().send('PUT', '/api/session/password', {
        token: here,
        body: { current, password: next },
      })
    assert.deepEqual(wrongFields(await change('not the password at all', 'a second long password')), [
      'current',
    ])
    assert.deepEqual(wrongFields(await change(password, 'short')), ['password'])
    assert.deepEqual(wrongFields(await change(password, password)), ['password'])
    accepted(await shop().get('/api/session', { token: elsewhere }))
    accepted(await change(password, 'a second long password'), 204)
    accepted(await shop().get('/api/session', { token: here }))
    refused(await shop().get('/api/session', { token: elsewhere }), 401)
    refused(await shop().post('/api/session', { body: { email, password } }), 401)
    await logIn(shop(), { email, password: 'a second long password' })
  })

  test('a browser gets a cookie that no script can read, a program a token', async () => {
    const { staff } = shop().store
    const browser = await shop().post('/api/session', { body: staff })
    assert.deepEqual([browser.status, browser.text], [204, ''])
    const cookie = browser.headers.get('set-cookie') ?? ''
    for (const part of [/^octavo_session=\S+;/, /; HttpOnly/, /; SameSite=Strict/, /; Path=\//])
      assert.match(cookie, part)
    const program = await shop().post('/api/session', {
      body: staff,
      headers: { accept: 'application/json' },
    })
    assert.ok(accepted(program).token.length > 20)
    for (const accept of ['*/*', 'text/html, */*;q=0.8'])
      assert.equal((await shop().post('/api/session', { body: staff, headers: { accept } })).status, 204)
  })

  test('a session opens doors until it is ended, by cookie as by token', async () => {
    const { staff } = shop().store
    const reply = await shop().post('/api/session', { body: staff })
    const cookie = (reply.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
    const token = await logIn(shop(), staff)
    for (const options of [{ headers: { cookie } }, { token }]) {
      assert.equal(accepted(await shop().get('/api/session', options)).email, staff.email)
      accepted(await shop().get('/api/orders', options))
      const ended = await shop().delete('/api/session', options)
      assert.equal(ended.status, 204)
      assert.match(ended.headers.get('set-cookie') ?? '', /^octavo_session=;.*Max-Age=0/)
      refused(await shop().get('/api/session', options), 401)
    }
    assert.equal((await shop().delete('/api/session')).status, 204, 'there is nothing to end')
  })

  test('who is logged in sees their sessions, and ends one of them, or all', async () => {
    const email = 'many@example.org'
    const args = ['staff', 'add', email, '--roles', 'bookseller']
    await octavo(shop().store, args, { OCTAVO_STAFF_PASSWORD: password })
    const first = await logIn(shop(), { email, password })
    const second = await logIn(shop(), { email, password })
    const { items } = accepted(await shop().get('/api/sessions', { token: first }))
    assert.equal(items.length, 2)
    const other = items.find((each: { isCurrent: boolean }) => !each.isCurrent)
    refused(await shop().delete(`/api/sessions/${other.id}`, { token: shop().staff }), 404)
    assert.equal((await shop().delete(`/api/sessions/${other.id}`, { token: first })).status, 204)
    refused(await shop().get('/api/session', { token: second }), 401)
    const third = await logIn(shop(), { email, password })
    assert.equal((await shop().delete('/api/sessions', { token: third })).status, 204)
    for (const token of [first, third]) refused(await shop().get('/api/session', { token }), 401)
  })

  test('a change with a cookie from another site is refused', async () => {
    const reply = await shop().post('/api/session', { body: shop().store.staff })
    const cookie = (reply.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
    const isbn = await addBook(shop())
    const body = { copies: 1 }
    const put = (headers: Record<string, string>) =>
      fetch(`${shop().url}/api/books/${isbn}/stock`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', cookie, ...headers },
        body: JSON.stringify(body),
      })
    const other = await put({ origin: 'https://evil.example' })
    assert.deepEqual(
      [other.status, other.headers.get('content-type')],
      [403, 'application/problem+json; charset=utf-8'],
    )
    assert.equal((await put({ origin: shop().url })).status, 200)
    await other.text()
  })

  test('a wrong password is 401, whether or not there is such an account', async () => {
    const wrong = { email: emailOf('bookseller'), password: 'wrong' }
    const known = refused(await shop().post('/api/session', { body: wrong }), 401)
    const unknown = refused(
      await shop().post('/api/session', { body: { ...wrong, email: 'no@example.org' } }),
      401,
    )
    assert.deepEqual(known, unknown)
    for (const body of [{}, { email: 'a@b.co' }, { ...wrong, remember: true }, { email: 1, password: null }])
      assert.ok(wrongFields(await shop().post('/api/session', { body })).length > 0)
    refused(await shop().post('/api/session', { body: { email: 'a'.repeat(300), password: 'x' } }), 400)
    refused(
      await shop().post('/api/session', { body: { email: 'a@b.co', password: 'x'.repeat(10_000) } }),
      400,
    )
  })

  test('an account takes no more log-ins after too many that failed, one by one or all at once', async () => {
    for (const [email, atOnce] of [
      ['guessed@example.org', false],
      ['rushed@example.org', true],
    ] as const) {
      const tryOne = () => shop().post('/api/session', { body: { email, password: 'guess' } })
      const replies = atOnce ? await Promise.all(Array.from({ length: 24 }, tryOne)) : []
      // Of those at once some are refused because they are too many for a busy machine: these count for nothing.
      let last = await tryOne()
      for (; last.status === 401 && replies.length < 36; last = await tryOne()) replies.push(last)
      const failed = replies.filter(({ status }) => status === 401).length
      assert.ok(failed >= 5 && failed <= 12, `${failed} attempts were made at ${email}`)
      for (const reply of replies)
        if (reply.status !== 401) assert.match(refused(reply, 429).detail, /log-ins/)
      assert.ok(Number(refused(last, 429) && last.headers.get('retry-after')) >= 1)
    }
    await logIn(shop(), shop().store.staff)
  })

  test('each role may do its own part, and nobody without a session any', async () => {
    const isbn = await addBook(shop())
    const { id, vouchers } = await confirmed(shop(), isbn)
    const code = vouchers[0]?.code ?? ''
    const price = { amount: 100, currency: 'EUR' }
    const csv = { raw: `isbn,title\n${newIsbn()},A\n`, headers: { 'content-type': 'text/csv' } }
    type Try = [
      what: string,
      allowed: readonly string[],
      (client: Client, token?: string) => Promise<{ status: number }>,
    ]
    const tries: Try[] = [
      [
        'add a book',
        ['manager'],
        (s, token) => s.post('/api/books', { token, body: { isbn: newIsbn(), title: 'A', price } }),
      ],
      [
        'replace a book',
        ['manager'],
        (s, token) => s.put(`/api/books/${isbn}`, { token, body: { title: 'A', price } }),
      ],
      [
        'change a book',
        ['manager'],
        (s, token) => s.patch(`/api/books/${isbn}`, { token, body: { title: 'B' } }),
      ],
      ['remove a book', ['manager'], (s, token) => s.delete(`/api/books/${newIsbn()}`, { token })],
      [
        'set stock',
        ['manager'],
        (s, token) => s.put(`/api/books/${isbn}/stock`, { token, body: { copies: 20 } }),
      ],
      ['see stock', ['bookseller', 'manager'], (s, token) => s.get(`/api/books/${isbn}/stock`, { token })],
      ['import', ['manager'], (s, token) => s.post('/api/imports', { token, ...csv })],
      [
        'see an import',
        ['manager'],
        (s, token) => s.get('/api/imports/00000000-0000-7000-8000-000000000000', { token }),
      ],
      ['list orders', ['bookseller', 'manager'], (s, token) => s.get('/api/orders', { token })],
      [
        'look a voucher up',
        ['bookseller', 'manager'],
        (s, token) => s.get(`/api/vouchers/${code}`, { token }),
      ],
      ['redeem', ['bookseller', 'manager'], (s, token) => s.post(`/api/vouchers/${code}/redeem`, { token })],
      ['see who they are', roles, (s, token) => s.get('/api/session', { token })],
    ]
    for (const [what, allowed, attempt] of tries) {
      for (const token of [undefined, 'staff_nonsense', 'x'])
        assert.equal((await attempt(shop(), token)).status, 401, `${what} without a session`)
      for (const role of roles) {
        const { status } = await attempt(shop(), tokens[role])
        const isAllowed = ![401, 403].includes(status)
        assert.equal(isAllowed, allowed.includes(role), `${role}: ${what} → ${status}`)
        if (!isAllowed) assert.equal(status, 403, `${role}: ${what}`)
      }
    }
    accepted(await shop().get(`/api/orders/${id}`, { token: tokens.bookseller }))
    const paid = await confirmed(shop(), isbn)
    const refund = (token?: string) => shop().post(`/api/orders/${paid.id}/cancel`, { token })
    for (const role of ['bookseller', 'operator']) refused(await refund(tokens[role]), 403)
    accepted(await refund(tokens.manager))
    accepted(
      await shop().post(`/api/orders/${(await place(shop(), isbn)).id}/cancel`, { token: tokens.bookseller }),
    )
  })

  test('staff list orders by status, email and title, page by page', async () => {
    const isbn = await addBook(shop(), { copies: 50 })
    const customer = { name: 'Grace', email: 'Grace.List@example.org' }
    const placed = []
    for (let i = 0; i < 7; i++) placed.push((await place(shop(), isbn, 1, { customer })).id)
    const done = await confirmed(shop(), isbn)
    accepted(await order(shop(), [line(await addBook(shop()))], { customer }), 201)
    const ids = async (query: string) =>
      accepted(await shop().get(`/api/orders?${query}`, { token: shop().staff })).items.map(
        ({ id }: { id: string }) => id,
      )
    const email = 'email=grace.list@example.org'
    assert.equal((await ids(email)).length, 8)
    assert.deepEqual(await ids(`isbn=${isbn}&status=reserved`), placed.toReversed())
    assert.deepEqual(await ids(`isbn=${isbn}&status=confirmed`), [done.id])
    assert.deepEqual(await ids(`isbn=${isbn}&${email}&status=cancelled`), [])
    const seen: string[] = []
    let path: string | undefined = `/api/orders?isbn=${isbn}&${email}&limit=3`
    while (path !== undefined) {
      const reply = await shop().get(path, { token: shop().staff })
      const page = accepted(reply)
      assert.equal(page.total, 7)
      seen.push(...page.items.map(({ id }: { id: string }) => id))
      path = /^<([^>]+)>; rel="next"$/.exec(reply.headers.get('link') ?? '')?.[1]
      assert.equal(path === undefined, page.next === null)
    }
    assert.deepEqual(seen, placed.toReversed())
    for (const [query, field] of [
      ['status=lost', 'status'],
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['cursor=nonsense', 'cursor'],
      [`cursor=${Buffer.from('-'.repeat(36)).toString('base64url')}`, 'cursor'],
      ['isbn=9780141439519', 'isbn'],
      ['page=2', 'page'],
    ] as const)
      assert.deepEqual(wrongFields(await shop().get(`/api/orders?${query}`, { token: shop().staff })), [
        field,
      ])
  })
}
