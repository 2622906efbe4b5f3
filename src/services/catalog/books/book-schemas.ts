import { closed, IsbnText, Line, MoneySchema, Nullable, Page, Text, Timestamp, Uuid } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'

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
  price: Nullable(MoneySchema),
  cover: Type.Optional(
    Nullable(
      Type.String({
        maxLength: 2000,
        pattern: '^(https://[^\\s/?#@\\\\]+([/?#][^\\s]*)?|/(?![/\\\\])[^\\s]*)$',
        description: 'an https address, or a path of this shop',
      }),
    ),
  ),
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
    price: Type.Optional(Nullable(Type.Partial(MoneySchema, closed))),
    limited: Type.Optional(Nullable(Type.Boolean())),
  },
  { ...closed, $id: 'BookPatch' },
)

/** A price and when it is in force; `until` is the first moment at which it is not. */
export type PricePeriod = { amount: number; currency: string; from?: string; until?: string }

const Texts = Type.Array(Type.String())
/** What else a catalogue tells of a book. Codes are those of ONIX for Books. */
export const BookDetails = Type.Object(
  {
    imprint: Type.Optional(Type.String()),
    edition: Type.Optional(Type.String()),
    pages: Type.Optional(Type.Integer()),
    minutes: Type.Optional(Type.Integer({ description: 'of an audiobook' })),
    illustrations: Type.Optional(Type.String()),
    height: Type.Optional(Type.Number({ description: 'millimetres' })),
    width: Type.Optional(Type.Number({ description: 'millimetres' })),
    thickness: Type.Optional(Type.Number({ description: 'millimetres' })),
    weight: Type.Optional(Type.Number({ description: 'grams' })),
    originalTitle: Type.Optional(Type.String({ description: 'in the language it was written in' })),
    series: Type.Optional(
      Type.Array(Type.Object({ title: Type.String(), number: Type.Optional(Type.String()) })),
    ),
    subjects: Type.Optional(
      Type.Array(
        Type.Object({
          scheme: Type.String({ description: 'code list 27' }),
          code: Type.String(),
          heading: Type.Optional(Type.String()),
        }),
      ),
    ),
    keywords: Type.Optional(Texts),
    audience: Type.Optional(Texts),
    accessibility: Type.Optional(
      Type.Array(
        Type.Object({
          code: Type.String({ description: 'code list 196' }),
          text: Type.Optional(Type.String()),
        }),
      ),
    ),
    related: Type.Optional(
      Type.Array(
        Type.Object({ relation: Type.String({ description: 'code list 51' }), isbn: Type.String() }),
      ),
    ),
    works: Type.Optional(
      Type.Array(
        Type.Object({
          relation: Type.String({
            description: 'code list 164; 01 is the work of which the book is an edition',
          }),
          scheme: Type.String({
            description: 'whose identifier it is; code list 16, such as 11 for an ISTC',
          }),
          id: Type.String(),
        }),
      ),
    ),
    publishingStatus: Type.Optional(Type.String({ description: 'code list 64' })),
    availability: Type.Optional(Type.String({ description: 'what the supplier says; code list 65' })),
    coverLink: Type.Optional(Type.String({ description: "the publisher's picture of the cover" })),
  },
  { $id: 'BookDetails' },
)
export type BookDetails = Static<typeof BookDetails>

const availabilityStatuses = ['in-stock', 'low', 'sold-out', 'upcoming'] as const
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
    price: Type.Union([MoneySchema, Type.Null()], {
      description: 'null while it is not known; the book is then listed as upcoming and cannot be ordered',
    }),
    cover: Type.String({ description: 'URL of the cover, relative to the shop where we drew it' }),
    limited: Type.Boolean(),
    perCustomer: Nullable(Type.Integer()),
    salesOpenAt: Nullable(Timestamp),
    availability: Type.Object({ available: Type.Integer(), status: AvailabilityStatus }),
    details: Type.Optional(BookDetails),
  },
  { $id: 'Book' },
)
const FacetValues = Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() }))
export const BookList = Type.Object(
  {
    ...Page(Type.Ref('Book')),
    facets: Type.Object(
      { subject: FacetValues, format: FacetValues, language: FacetValues },
      {
        description:
          'How many books choosing each value would leave. At most 10 000 books are counted: where ' +
          '`totalIsLowerBound` is true they are the first that were met, and the counts tell which values there are ' +
          'and not how many books each has.',
      },
    ),
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
export const Stock = Type.Object(
  {
    isbn: Type.String(),
    copies: Type.Integer({ description: 'owned' }),
    held: Type.Integer({ description: 'reserved and not yet confirmed' }),
    sold: Type.Integer(),
    available: Type.Integer(),
  },
  { $id: 'Stock' },
)
export type Stock = Static<typeof Stock>

const place = {
  record: Type.Integer({ description: '1 for the first record' }),
  line: Type.Optional(Type.Integer()),
}
/** What an import found out about its file, and did to its values. */
export const ImportReport = Type.Object(
  {
    format: Type.String({ description: 'what the file was read as' }),
    encoding: Type.String(),
    mapping: Type.Array(Type.Object({ field: Type.String(), columns: Type.Array(Type.String()) })),
    columns: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String(),
          field: Nullable(Type.String({ description: 'what it is read as, null where it is not read' })),
          rank: Type.Integer({
            description: 'among the columns of that field: the first that holds something counts',
          }),
          samples: Type.Array(Type.String()),
        }),
        { description: 'of CSV, the first columns with the first values that they hold' },
      ),
    ),
    notRead: Type.Array(Type.Object({ name: Type.String(), count: Type.Integer() }), {
      description: 'columns or elements that are not read, and in how many records they hold something',
    }),
    defaults: Type.Array(Type.Object({ field: Type.String(), value: Type.String(), count: Type.Integer() })),
    skipped: Type.Integer({ description: 'empty rows, and rows that continue another' }),
    repaired: Type.Integer({ description: 'values that were changed' }),
    leftOut: Type.Integer({ description: 'values that could not be taken' }),
    withoutPrice: Type.Integer({
      description: 'books taken that are not for sale yet, their price not known',
    }),
    copiesIgnored: Type.Integer({
      description: 'known books whose stock the file says otherwise, which stays',
    }),
    copiesSet: Type.Optional(
      Type.Integer({ description: 'known books whose stock was set to what the file says' }),
    ),
    coversFetched: Type.Optional(
      Type.Integer({ description: 'books that have a fetched picture as their cover now' }),
    ),
    removed: Type.Optional(
      Type.Integer({ description: 'books that the file asks to delete and that are gone' }),
    ),
    notes: Type.Array(
      Type.Object({
        ...place,
        field: Type.String(),
        kind: Type.Enum(['repaired', 'left-out']),
        from: Type.String(),
        to: Type.Optional(Type.String()),
        message: Type.String(),
      }),
    ),
    preview: Type.Array(
      Type.Object({
        ...place,
        kind: Type.Enum(['new', 'changed', 'removed']),
        isbn: Type.String(),
        title: Type.String(),
        changes: Type.Array(Type.Object({ field: Type.String(), from: Type.String(), to: Type.String() })),
      }),
      { description: 'the first books that are new or changed' },
    ),
  },
  { $id: 'ImportReport' },
)
export type ImportReport = Static<typeof ImportReport>

export const Import = Type.Object(
  {
    id: Uuid,
    status: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
    read: Type.Integer(),
    created: Type.Integer(),
    updated: Type.Integer(),
    unchanged: Type.Integer(),
    rejected: Type.Integer(),
    file: Nullable(Type.String({ description: 'its name, where it was told' })),
    dryRun: Type.Boolean({ description: 'whether nothing was written' }),
    startedAt: Timestamp,
    finishedAt: Nullable(Timestamp),
    report: Nullable(ImportReport),
    errors: Type.Array(
      Type.Object({
        ...place,
        field: Type.Optional(Type.String()),
        message: Type.String(),
      }),
    ),
  },
  { $id: 'Import' },
)

export const ImportList = Type.Object(
  { items: Type.Array(Type.Omit(Import, ['errors', 'report'])) },
  { $id: 'ImportList' },
)
export type ImportList = Static<typeof ImportList>

export type Book = Static<typeof Book>
export type NewBook = Static<typeof NewBook>
export type BookEdit = Static<typeof BookEdit>
export type BookPatch = Static<typeof BookPatch>
export type BookList = Omit<Static<typeof BookList>, 'items'> & { items: Book[] }
export type Availability = Static<typeof Availability>
export type Import = Static<typeof Import>
