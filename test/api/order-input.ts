import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/until.ts'
import { accepted, refused, wrongFields } from './client.ts'
import { sendRaw } from './raw-http.ts'
import { ada, addBook, leaves, line, newIsbn, newKey, order, place, type Shop } from './shop.ts'

/** What an order may hold, and what it is told when it holds something else. */
export function orderInputSuite(shop: () => Shop): void {
  let isbn = ''
  const named = async (lines: unknown, customer: unknown = ada) => [
    ...new Set(wrongFields(await order(shop(), lines, { customer }))),
  ]

  test('a quantity is a whole number from 1', async () => {
    isbn = await addBook(shop(), { copies: 50 })
    for (const quantity of [0, -1, 1e9, '1', 1.5, null, true, [], {}, 1e308])
      assert.deepEqual(await named([{ isbn, quantity }]), ['lines[0].quantity'], String(quantity))
    assert.deepEqual(await named([{ isbn }]), ['lines[0].quantity'])
    const many = refused(await order(shop(), [line(isbn, 1_000)]), 409, 'out-of-stock')
    assert.deepEqual(many.lines, [{ isbn, requested: 1_000, available: 50 }])
    assert.deepEqual(await named([line(isbn, 600), line(isbn, 600)]), ['lines'])
    const others = await Promise.all([1, 2, 3].map(() => addBook(shop(), { copies: 0 })))
    assert.deepEqual(await named(others.map((each) => line(each, 700))), ['lines'])
  })

  test('an ISBN has to be one, and may be written in any form', async () => {
    for (const wrong of ['9780141439519', '0141439514', 'pride', '', 9780141439518, null, ['9780141439518']])
      assert.deepEqual(await named([{ isbn: wrong, quantity: 1 }]), ['lines[0].isbn'], String(wrong))
    const thirteen = '9780439554930'
    await addBook(shop(), { isbn: thirteen, copies: 10 })
    const forms = [thirteen, '978-0-439-55493-0', '0439554934', '0-439-55493-4']
    const placed = accepted(
      await order(
        shop(),
        forms.map((form) => line(form)),
      ),
      201,
    )
    assert.deepEqual(
      placed.lines.map((each: { isbn: string; quantity: number }) => [each.isbn, each.quantity]),
      [[thirteen, 4]],
      'one title is one line',
    )
    await leaves(shop(), thirteen, 6)
  })

  test('every wrong field is named at once', async () => {
    const customer = { name: '', email: 'nobody' }
    const lines = [
      { isbn: '9780141439519', quantity: 0 },
      { isbn, quantity: 'two', gift: true },
    ]
    assert.deepEqual(await named(lines, customer), [
      'customer.email',
      'customer.name',
      'lines[0].isbn',
      'lines[0].quantity',
      'lines[1].gift',
      'lines[1].quantity',
    ])
    const bare = await shop().post('/api/orders', { body: {}, headers: { 'idempotency-key': newKey() } })
    assert.deepEqual(wrongFields(bare), ['customer', 'lines'])
  })

  test('lines and customer have to be what they are', async () => {
    for (const lines of [[], {}, null, 'all', [null], [[]], ['9780141439518']])
      assert.match((await named(lines)).join(), /^lines/, JSON.stringify(lines))
    assert.deepEqual(await named(Array.from({ length: 101 }, () => line(isbn))), ['lines'])
    for (const customer of [null, [], 'Ada', 1, { name: ['Ada'], email: 'ada@example.org' }])
      assert.match((await named([line(isbn)], customer)).join(), /^customer/, JSON.stringify(customer))
  })

  test('a name may be in any script, and holds no control character', async () => {
    const names = [
      'Æsop',
      '紫式部',
      'عمر الخيام',
      'शूद्रक',
      '👩🏽‍🚀👨‍👩‍👧‍👦',
      'Zoë O’Brien-Łukasiewicz',
      'e\u0301'.repeat(100),
      '🦉'.repeat(200),
      'עגנון תש',
      `'; DROP TABLE orders; --`,
      '<script>alert(1)</script>',
      '__proto__',
      '  Ada  ',
      'علی\u200cرضا',
      'Ng\u0300\u0323uyen',
    ]
    for (const name of names) {
      const placed = accepted(await order(shop(), [line(isbn)], { customer: { ...ada, name } }), 201)
      assert.equal(placed.customer.name, name)
      assert.equal(
        accepted(await shop().get(`/api/orders/${placed.id}`, { token: placed.token })).customer.name,
        name,
      )
    }
    const wrong = [
      '',
      ' ',
      '\t',
      'a\u0000b',
      'a\u0007b',
      'a\nb',
      'a\u001bb',
      'a\u007fb',
      'a\u0085b',
      'a\ud800b',
      ...['\u200b', '\u00ad', '\u3164', '\u115f\u1160', '\u2800', '\ufe0f'],
      ...['\u202eabc', 'a\u2066b', 'Ada\u{e0041}', 'a\u2028b', 'a\u2062b', 'a\ufff9b', 'a\u{1d173}b'],
      ...['a\ufffeb', 'a\ufdd0b', 'a\u{1ffff}b', `Z${'\u0301'.repeat(9)}`],
      'a'.repeat(10_000),
    ]
    for (const name of wrong)
      assert.deepEqual(await named([line(isbn)], { ...ada, name }), ['customer.name'], JSON.stringify(name))
  })

  test('an email address has to be one', async () => {
    for (const email of [
      '',
      'ada',
      'ada@',
      '@example.org',
      'a b@example.org',
      'ada@example.org\n',
      null,
      `${'a'.repeat(300)}@example.org`,
      'a\u200b@example.org',
      'a\u3164@example.org',
    ])
      assert.deepEqual(await named([line(isbn)], { ...ada, email }), ['customer.email'], String(email))
    for (const email of ['ada+books@example.org', "o'brien@example.co.uk", 'A.B-C_d@sub.example.museum'])
      accepted(await order(shop(), [line(isbn)], { customer: { ...ada, email } }), 201)
  })

  test('an Idempotency-Key is 8 to 255 printable characters', async () => {
    const body = { customer: ada, lines: [line(isbn)] }
    const withKey = (key?: string) =>
      shop().post('/api/orders', { body, headers: key === undefined ? {} : { 'idempotency-key': key } })
    for (const key of [
      undefined,
      '',
      '1234567',
      'k'.repeat(256),
      'k'.repeat(300),
      'tab\there key',
      'ключ-key',
      'clé-of-order',
    ])
      assert.deepEqual([...new Set(wrongFields(await bytes(withKey, key)))], ['idempotency-key'], key)
    for (const key of ['del\u007fete-it', 'control\u0001key']) {
      const text = JSON.stringify(body)
      const head = `POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: ${key}\r\n`
      const reply = await sendRaw(
        shop().url,
        `${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
      )
      assert.equal(reply?.status, 400)
    }
    for (const key of [
      '12345678',
      'k'.repeat(255),
      `with spaces ${newKey()}`,
      `"!#$%&'()*+,/:;<=>?@[]^_{|}~ ${newKey()}`,
    ])
      accepted(await withKey(key), 201)
  })

  test('a customer gets no more than the limit, in one order or in several, however they are spelled', async () => {
    const limited = await addBook(shop(), { perCustomer: 2, limited: true, copies: 20 })
    const refusal = refused(await order(shop(), [line(limited, 3)]), 409, 'customer-limit')
    assert.deepEqual([refusal.isbn, refusal.perCustomer], [limited, 2])
    const first = await place(shop(), limited)
    const shouting = { name: 'ADA', email: 'ADA@EXAMPLE.ORG' }
    await place(shop(), limited, 1, { customer: shouting })
    refused(await order(shop(), [line(limited)]), 409, 'customer-limit')
    refused(await order(shop(), [line(limited)], { customer: shouting }), 409, 'customer-limit')
    await place(shop(), limited, 2, { customer: { ...ada, email: 'grace@example.org' } })
    accepted(await shop().post(`/api/orders/${first.id}/cancel`, { token: first.token }))
    await place(shop(), limited)
    await leaves(shop(), limited, 16)
  })

  test('what was bought before there was a limit counts for nothing, also when it is given back', async () => {
    const title = await addBook(shop())
    const before = await place(shop(), title, 2)
    const limit = { body: { perCustomer: 1 }, token: shop().staff }
    accepted(await shop().patch(`/api/books/${title}`, limit))
    const counted = await place(shop(), title)
    accepted(await shop().post(`/api/orders/${before.id}/cancel`, { token: before.token }))
    refused(await order(shop(), [line(title)]), 409, 'customer-limit')
    accepted(await shop().post(`/api/orders/${counted.id}/cancel`, { token: counted.token }))
    await place(shop(), title)
  })

  test('orders of one customer at once stay within the limit', async () => {
    const limited = await addBook(shop(), { perCustomer: 2, copies: 50 })
    const replies = await Promise.all(Array.from({ length: 20 }, () => order(shop(), [line(limited)])))
    assert.equal(replies.filter(({ status }) => status === 201).length, 2)
    for (const reply of replies) if (reply.status !== 201) refused(reply, 409, 'customer-limit')
    await leaves(shop(), limited, 48)
  })

  test('nothing is sold before its sales open, and the reader is told when they do', async () => {
    const salesOpenAt = '2099-01-01T12:00:00.000Z'
    const upcoming = await addBook(shop(), { salesOpenAt })
    assert.equal(
      refused(await order(shop(), [line(upcoming)]), 409, 'sales-not-open').salesOpenAt,
      salesOpenAt,
    )
    refused(await order(shop(), [line(isbn), line(upcoming)]), 409, 'sales-not-open')
    const opensMs = Date.now() + 4_000
    const soon = await addBook(shop(), { salesOpenAt: new Date(opensMs).toISOString() })
    refused(await order(shop(), [line(soon)]), 409, 'sales-not-open')
    await sleep(opensMs - Date.now())
    await until(async () => {
      const reply = await order(shop(), [line(soon)])
      if (reply.status !== 201) refused(reply, 409, 'sales-not-open')
      return reply.status === 201
    }, 'an order of what is on sale')
  })

  test('an order that cannot be met in full takes nothing, and says what there is of each title', async () => {
    const [few, none] = [await addBook(shop(), { copies: 2 }), await addBook(shop(), { copies: 0 })]
    const before = await shop().get(`/api/books/${isbn}/availability`)
    const { lines } = refused(
      await order(shop(), [line(isbn), line(few, 5), line(none)]),
      409,
      'out-of-stock',
    )
    assert.deepEqual(lines, [
      { isbn: few, requested: 5, available: 2 },
      { isbn: none, requested: 1, available: 0 },
    ])
    await leaves(shop(), isbn, before.body.available)
    assert.deepEqual(await named([line(newIsbn())]), ['lines[0].isbn'])
  })
}

/** Sends a key as the UTF-8 bytes that a careless program would. */
function bytes<T>(send: (key?: string) => Promise<T>, key: string | undefined): Promise<T> {
  return send(key === undefined ? undefined : Buffer.from(key).toString('latin1'))
}
