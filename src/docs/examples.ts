/** What the API reference shows and "try it" sends, by operation. ISBNs and titles are of the sample catalogue. */
const isbn = '9786490000157'
/** Of a book that the sample catalogue does not have. */
const newIsbn = '9780141439518'
const price = { amount: 1250, currency: 'EUR' }

export const requestExamples: Readonly<Record<string, unknown>> = {
  placeOrder: {
    customer: { name: 'Ada Byron', email: 'ada@example.org' },
    lines: [{ isbn, quantity: 1 }],
  },
  setStock: { copies: 25, reason: 'Counted on Monday' },
  payOrder: { method: 'test', card: '4242424242424242' },
  logIn: { email: 'staff@localhost.localdomain', password: 'the password from the first start' },
  changePassword: {
    current: 'the password from the first start',
    password: 'a quiet corner by the window',
  },
  offerSecondFactor: { password: 'the password from the first start' },
  confirmSecondFactor: { code: '123456' },
  createBook: {
    isbn: newIsbn,
    title: 'Pride and Prejudice',
    contributors: [{ name: 'Jane Austen', role: 'author' }],
    publishedOn: '1813',
    language: 'en',
    format: 'paperback',
    subjects: ['Romance', 'Classics'],
    price,
  },
  replaceBook: {
    title: 'Pride and Prejudice',
    contributors: [{ name: 'Jane Austen', role: 'author' }],
    publishedOn: '1813',
    language: 'en',
    price,
  },
  eraseCustomer: { email: 'ada@example.org' },
  clearDeadLetters: { ids: ['01a1f8fd-71b1-72fe-b03c-f9d047768241'], fate: 'retry' },
  queryWarehouse: { sql: 'SELECT status, count(*) AS orders FROM orders GROUP BY status' },
  changeBook: { price: { amount: 1100, currency: 'EUR' } },
  startImport: 'isbn,title,author,price,copies\n9780141439518,Pride and Prejudice,Jane Austen,12.50,5\n',
}

export const parameterExamples: Readonly<Record<string, unknown>> = {
  isbn,
  'idempotency-key': 'order-7f3a9c1e',
  id: '01a1f8fd-71b1-72fe-b03c-f9d047768241',
  queue: 'vouchers-draw',
  q: 'pride',
  name: 'sales-by-day',
  from: '2026-11-01',
  to: '2026-11-30',
}

/** Examples of the named schemas. */
export const schemaExamples: Readonly<Record<string, unknown>> = {
  Money: price,
  NewOrder: requestExamples.placeOrder,
  Availability: { isbn, available: 3, status: 'low', asOf: '2026-11-20T12:00:00.000Z' },
  Order: {
    id: '01a1f8fd-71b1-72fe-b03c-f9d047768241',
    status: 'confirmed',
    customer: { name: 'Ada Byron', email: 'ada@example.org' },
    lines: [{ isbn, title: 'Pride and Prejudice', quantity: 1, unitPrice: price }],
    total: price,
    createdAt: '2026-11-20T12:00:00.000Z',
    expiresAt: '2026-11-20T12:15:00.000Z',
    payment: { status: 'captured' },
    vouchers: [
      {
        code: 'TDWG-JFVJ-D21P-BS55A',
        isbn,
        status: 'valid',
        url: '/api/files/vouchers%2F…?expires=…&signature=…',
      },
    ],
  },
  Problem: {
    type: 'https://octavo.example/problems/invalid-request',
    title: 'Invalid request',
    status: 400,
    detail: 'lines[0].quantity: must be >= 1',
    instance: '/api/orders',
    errors: [{ field: 'lines[0].quantity', message: 'must be >= 1' }],
  },
}
