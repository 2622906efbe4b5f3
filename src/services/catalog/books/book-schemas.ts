import { type Static, Type } from 'typebox'
import { closed, IsbnText, Line, MoneySchema, Nullable, Page, Text, Timestamp, Uuid } from '#kernel/schemas'

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
    price: Type.Optional(Type.Partial(MoneySchema, closed)),
    limited: Type.Optional(Nullable(Type.Boolean())),
  },
  { ...closed, $id: 'BookPatch' },
)

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
