import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { accepted, type Reply, refused, wrongFields } from './client.ts'
import { newIsbn, type Shop } from './shop.ts'

/** `POST /api/imports` and what becomes of it. */
export function importSuite(shop: () => Shop): void {
  const send = (raw: string | Uint8Array<ArrayBuffer>, type = 'text/csv', query = '') =>
    shop().post(`/api/imports${query}`, { raw, token: shop().staff, headers: { 'content-type': type } })

  /** Starts an import and follows it to its end. */
  const run = async (raw: string, type?: string, query?: string): Promise<Reply['body']> => {
    const started = await send(raw, type, query)
    const { id, status } = accepted(started, 202)
    assert.ok(['running', 'done', 'failed'].includes(status))
    assert.equal(started.headers.get('location'), `/api/imports/${id}`)
    for (;;) {
      const now = accepted(await shop().get(`/api/imports/${id}`, { token: shop().staff }))
      if (now.status !== 'running') return now
      await sleep(50)
    }
  }
  const counts = ({ status, read, created, updated, unchanged, rejected }: Reply['body']) => [
    status,
    { read, created, updated, unchanged, rejected },
  ]

  test('a CSV is taken, each wrong record is named, and the same again changes nothing', async () => {
    const [first, second] = [newIsbn(), newIsbn()]
    const csv = `isbn,title,author,price,copies,year
${first},Ozymandias,Percy Shelley,0,20,1818
9780141439519,Wrong digit,Nobody,1.00,1,1900
${second},"Title, with comma",Somebody,12.50,3,1901
${newIsbn()},,Nobody,1.00,1,1900
`
    const done = await run(csv)
    assert.deepEqual(counts(done), ['done', { read: 4, created: 2, updated: 0, unchanged: 0, rejected: 2 }])
    assert.deepEqual(
      done.errors.map(({ record, line, field }: { record: number; line: number; field: string }) => [
        record,
        line,
        field,
      ]),
      [
        [2, 3, 'isbn'],
        [4, 5, 'title'],
      ],
    )
    for (const { message } of done.errors) assert.ok(message.length > 5)
    const book = accepted(await shop().get(`/api/books/${second}`))
    assert.deepEqual(
      [book.title, book.price, book.availability.available],
      ['Title, with comma', { amount: 1250, currency: 'EUR' }, 3],
    )
    const again = await run(csv)
    assert.deepEqual(counts(again), ['done', { read: 4, created: 0, updated: 0, unchanged: 2, rejected: 2 }])
    const changed = await run(csv.replace('12.50', '13.00'))
    assert.deepEqual(counts(changed)[1], { read: 4, created: 0, updated: 1, unchanged: 1, rejected: 2 })
  })

  test('a CSV that is cut off keeps what was whole and says where it ends', async () => {
    const [whole, cut] = [newIsbn(), newIsbn()]
    for (const end of [`${cut},"Half a tit`, `${cut}`]) {
      const failed = await run(`isbn,title,author\n${whole},Whole,Somebody\n${end}`)
      assert.equal(failed.status, 'failed')
      assert.equal(failed.created + failed.unchanged, 1)
      assert.match(failed.errors[0].message, /cut off|ends/)
    }
    assert.equal(accepted(await shop().get(`/api/books/${whole}`)).title, 'Whole')
    refused(await shop().get(`/api/books/${cut}`), 404)
  })

  test('what is no catalogue is 400 at once', async () => {
    const zeros = new Uint8Array(1_000)
    const noise = new Uint8Array(randomBytes(20_000))
    const zip = new Uint8Array([0x50, 0x4b, 3, 4, ...randomBytes(100)])
    for (const raw of [
      zeros,
      noise,
      zip,
      '',
      '\n\n',
      'a,b,c\n1,2,3\n',
      '<html></html>',
      '{"isbn":1}',
      '%PDF-1.7\n',
    ])
      refused(await send(raw), 400)
    for (const raw of ['', 'isbn,title\n', '<html/>', '<ONIXMessage', '<a>&lol;</a>', noise])
      refused(await send(raw, 'application/xml'), 400)
    for (const raw of [zeros, noise, '%PDF-1.7\n']) refused(await send(raw, 'application/octet-stream'), 400)
  })

  test('a browser that does not know what a file is sends it as bytes', async () => {
    const isbn = newIsbn()
    const done = await run(
      `isbn,title\n${isbn},Unnamed kind\n`,
      'application/octet-stream',
      '?file=books.dat',
    )
    assert.deepEqual(counts(done), ['done', { read: 1, created: 1, updated: 0, unchanged: 0, rejected: 0 }])
  })

  test('another format is 415', async () => {
    for (const type of [
      'application/json',
      'application/pdf',
      'image/png',
      'multipart/form-data; boundary=x',
    ])
      refused(await send('{"isbn":', type), 415)
    refused(await shop().post('/api/imports', { token: shop().staff }), 415)
    const headers = { 'content-type': 'text/csv', 'content-encoding': 'gzip' }
    refused(await shop().post('/api/imports', { raw: 'isbn,title\n', token: shop().staff, headers }), 415)
  })

  test('ONIX is taken', async () => {
    const isbn = newIsbn()
    const onix = `<?xml version="1.0" encoding="UTF-8"?>
<ONIXMessage release="3.0" xmlns="http://ns.editeur.org/onix/3.0/reference"><Header><Sender><SenderName>A</SenderName></Sender>
<SentDateTime>20260101</SentDateTime></Header><Product><RecordReference>r1</RecordReference><NotificationType>03</NotificationType>
<ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbn}</IDValue></ProductIdentifier><DescriptiveDetail>
<ProductComposition>00</ProductComposition><ProductForm>BC</ProductForm><TitleDetail><TitleType>01</TitleType><TitleElement>
<TitleElementLevel>01</TitleElementLevel><TitleText>The Owl &amp; the Cat</TitleText></TitleElement></TitleDetail>
</DescriptiveDetail></Product></ONIXMessage>`
    const done = await run(onix, 'application/xml')
    assert.deepEqual(counts(done), ['done', { read: 1, created: 1, updated: 0, unchanged: 0, rejected: 0 }])
    assert.equal(accepted(await shop().get(`/api/books/${isbn}`)).title, 'The Owl & the Cat')
    assert.equal((await run(onix, 'text/xml; charset=utf-8')).unchanged, 1)
  })

  test('columns, prices and copies can be given beside the file', async () => {
    const isbn = newIsbn()
    const query = '?map=isbn%3Dnumber,title%3Dwords&price=990&currency=GBP&copies=4'
    const done = await run(`number;words\n${isbn};Named\n`, 'text/csv; charset=utf-8', query)
    assert.equal(done.created, 1)
    const book = accepted(await shop().get(`/api/books/${isbn}`))
    assert.deepEqual([book.price, book.availability.available], [{ amount: 990, currency: 'GBP' }, 4])
    for (const [wrong, field] of [
      ['?price=-1', 'price'],
      ['?currency=euro', 'currency'],
      ['?copies=many', 'copies'],
      ['?map=colour%3Dred', 'map'],
      ['?dry=true', 'dry'],
    ])
      assert.deepEqual(wrongFields(await send('isbn,title\n', 'text/csv', wrong)), [field])
  })

  test('an import that there is not is 404', async () => {
    const token = shop().staff
    refused(await shop().get(`/api/imports/${randomUUID()}`, { token }), 404)
    assert.ok([400, 404].includes((await shop().get('/api/imports/1', { token })).status))
  })
}
