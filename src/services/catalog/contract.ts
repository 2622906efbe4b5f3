import { anyone, defineRoute, internal, staff } from '#kernel/contract'
import { amountMax } from '#kernel/money'
import { closed, IsbnText, Paging, Uuid } from '#kernel/schemas'
import { Type } from '#kernel/type'
import {
  Availability,
  Book,
  BookEdit,
  BookList,
  BookPatch,
  Import,
  ImportList,
  NewBook,
  Stock,
} from './books/book-schemas.ts'

export * from './books/book-schemas.ts'
export * from './changes/change-messages.ts'
export * from './import/import-fields.ts'
export * from './stock/stock-messages.ts'

const tag = 'Books'

const byIsbn = Type.Object({ isbn: IsbnText }, closed)
const ifMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'The ETag of the book as it was before the change.' }),
  ),
})
/** A description of 20 000 characters in any script, whichever way they are escaped. */
const bookBytesMax = 384 * 1024
export const bookSorts = ['relevance', 'title', 'price', '-price', '-publishedOn', 'bestselling'] as const
export const BookQuery = Type.Object(
  {
    ...Paging,
    q: Type.Optional(Type.String({ maxLength: 200 })),
    subject: Type.Optional(Type.String({ maxLength: 100 })),
    thema: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,19}$',
        description: 'a code of Thema: its category and everything below it',
      }),
    ),
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
  bodyBytesMax: bookBytesMax,
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
  headers: ifMatch,
  body: BookEdit,
  bodyBytesMax: bookBytesMax,
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
  headers: ifMatch,
  body: BookPatch,
  bodyBytesMax: bookBytesMax,
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
  headers: ifMatch,
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
export const getStock = defineRoute({
  method: 'GET',
  path: '/api/books/{isbn}/stock',
  tag,
  access: staff('bookseller', 'manager'),
  params: byIsbn,
  reply: Stock,
  summary: 'Copies owned, held and sold',
})
export const getCover = defineRoute({
  method: 'GET',
  path: '/api/books/{isbn}/cover.svg',
  tag,
  access: anyone,
  params: byIsbn,
  query: Type.Object(
    {
      v: Type.Optional(
        Type.String({
          maxLength: 40,
          description: 'which of its covers, as the address in the book says: that one may be kept for ever',
        }),
      ),
    },
    closed,
  ),
  summary: 'The cover we drew for a book (SVG)',
})
export const getPicture = defineRoute({
  method: 'GET',
  path: '/api/books/{isbn}/picture',
  tag,
  access: anyone,
  params: byIsbn,
  summary: 'The picture of a cover that was fetched from the publisher (JPEG, PNG or WebP)',
})
export const startImport = defineRoute({
  method: 'POST',
  path: '/api/imports',
  tag: 'Imports',
  access: staff('manager'),
  reply: Import,
  status: 202,
  streams: [
    ...['text/csv', 'text/tab-separated-values', 'text/plain', 'application/vnd.ms-excel'],
    ...['application/xml', 'text/xml', 'application/zip', 'application/gzip', 'application/octet-stream'],
  ],
  query: Type.Object(
    {
      price: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: amountMax,
          description:
            'of new books whose record has none; minor units. Without it they are listed and not for sale yet',
        }),
      ),
      currency: Type.Optional(
        Type.String({
          pattern: '^[A-Z]{3}$',
          description:
            'of prices without one, and preferred where ONIX has several; ISO 4217, by default the shop’s',
        }),
      ),
      copies: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 1_000_000_000,
          description: 'owned copies of each new book, default 0',
        }),
      ),
      stock: Type.Optional(
        Type.Enum(['keep', 'set'], {
          description:
            'whether the stock of known books stays, or is set to the copies of the file; default `keep`',
        }),
      ),
      covers: Type.Optional(
        Type.Enum(['leave', 'fetch'], {
          description:
            'whether pictures of covers that ONIX names are fetched, for books without a cover of their own; default `leave`',
        }),
      ),
      dryRun: Type.Optional(Type.Boolean({ description: 'only tell what would change' })),
      file: Type.Optional(Type.String({ maxLength: 200, description: 'its name, for the history' })),
      map: Type.Optional(
        Type.String({
          maxLength: 4000,
          description:
            'columns by field where the header is not understood, such as `isbn=isbn13,title="Name, short"`; `#3` is the ' +
            'third column, and `none=Comments` leaves one out',
        }),
      ),
    },
    closed,
  ),
  summary: 'Import a catalogue from CSV or ONIX for Books (2.1, 3.x)',
  description:
    'Takes each record that can be taken and reports the others. Known books change where the file says something ' +
    'else; what the file has no column or element for stays, and so does the stock of known books unless `stock=set`. Details that are too ' +
    'long are shortened or left out. A time without an offset is UTC.',
  also: {
    400: 'No catalogue, or without the columns needed.',
    413: 'Larger than 1 GiB.',
    415: 'Another format.',
    429: 'Other imports are running.',
  },
})
export const listImports = defineRoute({
  method: 'GET',
  path: '/api/imports',
  tag: 'Imports',
  access: staff('manager'),
  reply: ImportList,
  summary: 'The last hundred imports, newest first',
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

const KnownBy = Type.Array(Type.String({ maxLength: 1_000 }), { maxItems: 10_000 })
export const forgetSearches = defineRoute({
  method: 'POST',
  path: '/internal/searches/forgotten',
  tag: 'Internal',
  access: internal,
  body: Type.Object({ names: KnownBy, emails: KnownBy }, closed),
  reply: Type.Object({
    left: Type.Integer({ description: 'how many entries still hold something of them' }),
  }),
  summary: 'Forget what somebody looked for and did not find, where it holds something of a person',
})

/** Everything the API page shows of this service. */
export const publicRoutes = [
  listBooks,
  createBook,
  getBook,
  replaceBook,
  changeBook,
  deleteBook,
  getAvailability,
  getStock,
  getCover,
  getPicture,
  startImport,
  listImports,
  getImport,
]
