import { type Static, Type } from 'typebox'
import { anyone, defineRoute, staff } from '#kernel/contract'
import { amountMax } from '#kernel/money'
import {
  closed,
  IsbnText,
  Line,
  MoneySchema,
  Nullable,
  Page,
  Paging,
  Text,
  Timestamp,
  Uuid,
} from '#kernel/schemas'

const tag = 'Books'

/** Year, month or day: old books have no more than a year, some of them before our era. */
const PublishedOn = Type.String({
  pattern: '^-?\\d{4}(-\\d{2}(-\\d{2})?)?$',
  description: 'YYYY, YYYY-MM or YYYY-MM-DD',
})
const Contributors = Type.Array(Type.Object({ name: Line(200), role: Line(40) }, closed), { maxItems: 50 })
const Subjects = Type.Array(Line(100), { maxItems: 50 })

const editable = {
  title: Line(500),
  subtitle: Type.Optional(Nullable(Line(500))),
  contributors: Type.Optional(Contributors),
  publisher: Type.Optional(Nullable(Line(200))),
  publishedOn: Type.Optional(Nullable(PublishedOn)),
  language: Type.Optional(
    Nullable(Type.String({ pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$', description: 'BCP 47' })),
  ),
  format: Type.Optional(Line(40)),
  description: Type.Optional(Nullable(Text(20_000))),
  subjects: Type.Optional(Subjects),
  price: MoneySchema,
  cover: Type.Optional(Nullable(Type.String({ maxLength: 2000, pattern: '^(https?://|/)[^\\s]*$' }))),
  limited: Type.Optional(Type.Boolean()),
  perCustomer: Type.Optional(Nullable(Type.Integer({ minimum: 1, maximum: 1000 }))),
  salesOpenAt: Type.Optional(Nullable(Timestamp)),
}

export const NewBook = Type.Object({ isbn: IsbnText, ...editable }, { ...closed, $id: 'NewBook' })
export const BookEdit = Type.Object(
  { isbn: Type.Optional(IsbnText), ...editable },
  { ...closed, $id: 'BookEdit' },
)
/** JSON merge patch (RFC 7396): a field left out stays, `null` takes it away or back to its default. */
export const BookPatch = Type.Object(
  {
    ...editable,
    title: Type.Optional(editable.title),
    contributors: Type.Optional(Nullable(Contributors)),
    format: Type.Optional(Nullable(Line(40))),
    subjects: Type.Optional(Nullable(Subjects)),
    price: Type.Optional(Type.Partial(MoneySchema, closed)),
    limited: Type.Optional(Nullable(Type.Boolean())),
  },
  { ...closed, $id: 'BookPatch' },
)

export const availabilityStatuses = ['in-stock', 'low', 'sold-out', 'upcoming'] as const
const AvailabilityStatus = Type.Enum(availabilityStatuses)

export const Book = Type.Object(
  {
    isbn: Type.String({ description: 'ISBN-13' }),
    title: Type.String(),
    subtitle: Nullable(Type.String()),
    contributors: Type.Array(Type.Object({ name: Type.String(), role: Type.String() })),
    publisher: Nullable(Type.String()),
    publishedOn: Nullable(Type.String()),
    language: Nullable(Type.String()),
    format: Type.String(),
    description: Nullable(Type.String()),
    subjects: Type.Array(Type.String()),
    price: MoneySchema,
    cover: Type.String({ description: 'URL of the cover, relative to the shop where we drew it' }),
    limited: Type.Boolean(),
    perCustomer: Nullable(Type.Integer()),
    salesOpenAt: Nullable(Timestamp),
    availability: Type.Object({ available: Type.Integer(), status: AvailabilityStatus }),
  },
  { $id: 'Book' },
)
const FacetValues = Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() }))
export const BookList = Type.Object(
  {
    ...Page(Type.Ref('Book')),
    facets: Type.Object({ subject: FacetValues, format: FacetValues, language: FacetValues }),
  },
  { $id: 'BookList' },
)
export const Availability = Type.Object(
  {
    isbn: Type.String(),
    available: Type.Integer(),
    status: AvailabilityStatus,
    asOf: Timestamp,
  },
  { $id: 'Availability' },
)
export const Import = Type.Object(
  {
    id: Uuid,
    status: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
    read: Type.Integer(),
    created: Type.Integer(),
    updated: Type.Integer(),
    unchanged: Type.Integer(),
    rejected: Type.Integer(),
    errors: Type.Array(
      Type.Object({
        record: Type.Integer({ description: '1 for the first record' }),
        line: Type.Optional(Type.Integer()),
        field: Type.Optional(Type.String()),
        message: Type.String(),
      }),
    ),
  },
  { $id: 'Import' },
)

export type Book = Static<typeof Book>
export type NewBook = Static<typeof NewBook>
export type BookEdit = Static<typeof BookEdit>
export type BookPatch = Static<typeof BookPatch>
export type BookList = Omit<Static<typeof BookList>, 'items'> & { items: Book[] }
export type Availability = Static<typeof Availability>
export type Import = Static<typeof Import>

const byIsbn = Type.Object({ isbn: IsbnText }, closed)
export const bookSorts = ['relevance', 'title', 'price', '-price', '-publishedOn', 'bestselling'] as const
export const BookQuery = Type.Object(
  {
    ...Paging,
    q: Type.Optional(Type.String({ maxLength: 200 })),
    subject: Type.Optional(Type.String({ maxLength: 100 })),
    format: Type.Optional(Type.String({ maxLength: 40 })),
    language: Type.Optional(Type.String({ maxLength: 20 })),
    limited: Type.Optional(Type.Boolean()),
    available: Type.Optional(Type.Boolean()),
    minPrice: Type.Optional(Type.Integer({ minimum: 0, description: 'minor units' })),
    maxPrice: Type.Optional(Type.Integer({ minimum: 0, description: 'minor units' })),
    sort: Type.Optional(Type.Enum(bookSorts)),
  },
  closed,
)

export const listBooks = defineRoute({
  method: 'GET',
  path: '/api/books',
  tag,
  access: anyone,
  query: BookQuery,
  reply: BookList,
  summary: 'List and search books',
})
export const createBook = defineRoute({
  method: 'POST',
  path: '/api/books',
  tag,
  access: staff('manager'),
  body: NewBook,
  reply: Book,
  status: 201,
  summary: 'Add a book',
  also: { 409: 'The ISBN is taken.' },
})
export const getBook = defineRoute({
  method: 'GET',
  path: '/api/books/{isbn}',
  tag,
  access: anyone,
  params: byIsbn,
  reply: Book,
  summary: 'Get a book',
})
export const replaceBook = defineRoute({
  method: 'PUT',
  path: '/api/books/{isbn}',
  tag,
  access: staff('manager'),
  params: byIsbn,
  body: BookEdit,
  reply: Book,
  summary: 'Replace a book',
  also: { 412: 'Somebody else changed the book since the ETag in If-Match.' },
})
export const changeBook = defineRoute({
  method: 'PATCH',
  path: '/api/books/{isbn}',
  tag,
  access: staff('manager'),
  params: byIsbn,
  body: BookPatch,
  reply: Book,
  summary: 'Change fields of a book',
  also: { 412: 'Somebody else changed the book since the ETag in If-Match.' },
})
export const deleteBook = defineRoute({
  method: 'DELETE',
  path: '/api/books/{isbn}',
  tag,
  access: staff('manager'),
  params: byIsbn,
  status: 204,
  summary: 'Remove a book',
  also: { 409: 'Copies are held or sold.', 412: 'Changed since the ETag in If-Match.' },
})
export const getAvailability = defineRoute({
  method: 'GET',
  path: '/api/books/{isbn}/availability',
  tag,
  access: anyone,
  params: byIsbn,
  reply: Availability,
  summary: 'How many copies can be bought now',
})
export const getCover = defineRoute({
  method: 'GET',
  path: '/api/books/{isbn}/cover.svg',
  tag,
  access: anyone,
  params: byIsbn,
  summary: 'The cover we drew for a book (SVG)',
})
export const startImport = defineRoute({
  method: 'POST',
  path: '/api/imports',
  tag: 'Imports',
  access: staff('manager'),
  reply: Import,
  status: 202,
  streams: ['text/csv', 'application/xml', 'text/xml'],
  query: Type.Object(
    {
      price: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: amountMax,
          description: 'of new books whose record has none; minor units, default 1250',
        }),
      ),
      currency: Type.Optional(
        Type.String({ pattern: '^[A-Z]{3}$', description: 'of prices without one; ISO 4217, default EUR' }),
      ),
      copies: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 1_000_000_000,
          description: 'owned copies of each new book, default 0',
        }),
      ),
      map: Type.Optional(
        Type.String({
          maxLength: 2000,
          description:
            'columns by field where the header is not understood, such as `isbn=isbn13,title=name`',
        }),
      ),
    },
    closed,
  ),
  summary: 'Import a catalogue from CSV',
  description:
    'Takes each record that can be taken and reports the others. Known books change where the file says something ' +
    'else; what the file has no column for, and the stock of known books, stays.',
  also: {
    400: 'No CSV, or without the columns needed.',
    413: 'Larger than 1 GiB.',
    415: 'Another format.',
    429: 'Other imports are running.',
  },
})
export const getImport = defineRoute({
  method: 'GET',
  path: '/api/imports/{id}',
  tag: 'Imports',
  access: staff('manager'),
  params: Type.Object({ id: Uuid }, closed),
  reply: Import,
  summary: 'How an import is going',
})

// What catalog does as a participant in two-phase commit; #kernel/transaction has the protocol's routes.

/** A movement of stock that one member of a group asks for. */
export const StockRequest = Type.Union([
  Type.Object({
    kind: Type.Literal('reserve'),
    /** Who buys, as an opaque key, for the per-customer limit inside one group. */
    customer: Type.String(),
    lines: Type.Array(
      Type.Object({ isbn: Type.String(), quantity: Type.Integer(), alreadyBought: Type.Integer() }),
    ),
  }),
  Type.Object({
    kind: Type.Union([Type.Literal('confirm'), Type.Literal('release'), Type.Literal('return')]),
    lines: Type.Array(Type.Object({ isbn: Type.String(), quantity: Type.Integer() })),
  }),
  Type.Object({
    kind: Type.Literal('set-copies'),
    isbn: Type.String(),
    copies: Type.Integer(),
    reason: Nullable(Type.String()),
  }),
])
export type StockRequest = Static<typeof StockRequest>

/** What catalog answers for each request, in the same order. */
export type StockAnswer =
  | { kind: 'reserved'; lines: SoldLine[] }
  | { kind: 'moved' }
  /** The copies to confirm, release or return are not held or sold: most likely this was done before. */
  | { kind: 'not-there' }
  | { kind: 'copies-set'; copies: number; available: number }
  | { kind: 'unknown-book'; isbns: string[] }
  | { kind: 'out-of-stock'; lines: { isbn: string; requested: number; available: number }[] }
  | { kind: 'customer-limit'; isbn: string; perCustomer: number }
  | { kind: 'sales-not-open'; isbn: string; salesOpenAt: string }
  | { kind: 'mixed-currencies' }
  | { kind: 'below-sold'; committed: number }

/** A line as sold: title and price are fixed at this moment. */
export type SoldLine = {
  isbn: string
  title: string
  quantity: number
  unitPrice: { amount: number; currency: string }
  perCustomer: number | null
}

/** Topic of `StockChanged` messages. */
export const stockChangedTopic = 'stock.changed'
export type StockChanged = { books: Availability[] }

/** Everything the API page shows of this service. */
export const publicRoutes = [
  listBooks,
  createBook,
  getBook,
  replaceBook,
  changeBook,
  deleteBook,
  getAvailability,
  getCover,
  startImport,
  getImport,
]
