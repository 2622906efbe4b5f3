import { parseIsbn } from '#kernel/isbn'
import { amountMax } from '#kernel/money'
import type { NewBook } from '#services/catalog'
import type { Book } from '#services/gateway'
import { isCurrency, readAmount, writeAmount } from './amount-text.ts'

/** The fields of a book as they are typed. */
export type BookForm = {
  isbn: string
  title: string
  subtitle: string
  contributors: { name: string; role: string }[]
  publisher: string
  publishedOn: string
  language: string
  format: string
  description: string
  subjects: string[]
  price: string
  currency: string
  cover: string
  limited: boolean
  perCustomer: string
  /** Local time, as `<input type="datetime-local">` has it. */
  salesOpenAt: string
}
export type FormErrors = Partial<Record<keyof BookForm, string>>
export type ReadForm = { kind: 'ok'; book: NewBook } | { kind: 'errors'; errors: FormErrors }

const perCustomerMax = 1000

export function emptyForm(): BookForm {
  return {
    isbn: '',
    title: '',
    subtitle: '',
    contributors: [{ name: '', role: 'author' }],
    publisher: '',
    publishedOn: '',
    language: 'en',
    format: 'paperback',
    description: '',
    subjects: [],
    price: '',
    currency: 'EUR',
    cover: '',
    limited: false,
    perCustomer: '',
    salesOpenAt: '',
  }
}

export function formOf(book: Book): BookForm {
  return {
    isbn: book.isbn,
    title: book.title,
    subtitle: book.subtitle ?? '',
    contributors: book.contributors.map((contributor) => ({ ...contributor })),
    publisher: book.publisher ?? '',
    publishedOn: book.publishedOn ?? '',
    language: book.language ?? '',
    format: book.format,
    description: book.description ?? '',
    subjects: [...book.subjects],
    price: book.price === null ? '' : writeAmount(book.price.amount, book.price.currency),
    currency: book.price?.currency ?? 'EUR',
    cover: isDrawn(book.cover) ? '' : book.cover,
    limited: book.limited,
    perCustomer: book.perCustomer === null ? '' : String(book.perCustomer),
    salesOpenAt: book.salesOpenAt === null ? '' : localTime(book.salesOpenAt),
  }
}

/**
 * Reads what was typed; the errors name every wrong field.
 * @param before the book as it was shown: a time that was not touched stays as it is, to the millisecond
 */
export function readForm(form: BookForm, before?: Book): ReadForm {
  const errors: FormErrors = {}
  const isbn = parseIsbn(form.isbn)
  if (isbn.kind === 'error') errors.isbn = `This ${isbn.message}.`
  if (form.title.trim() === '') errors.title = 'A book needs a title.'
  const currency = form.currency.trim().toUpperCase()
  if (!isCurrency(currency)) errors.currency = 'Three letters, such as EUR.'
  const amount = form.price.trim() === '' ? null : readAmount(form.price, currency)
  if (amount === undefined || (amount ?? 0) > amountMax)
    errors.price = 'An amount such as 12.50; 0 for a free book, nothing where it is not known.'
  if (form.publishedOn.trim() && !/^-?\d{4}(-\d{2}(-\d{2})?)?$/.test(form.publishedOn.trim()))
    errors.publishedOn = 'Year, year-month or year-month-day: 1895, 1895-05-07.'
  const limit = form.perCustomer.trim() === '' ? null : Number(form.perCustomer)
  if (limit !== null && !(Number.isInteger(limit) && limit >= 1 && limit <= perCustomerMax))
    errors.perCustomer = `A whole number from 1 to ${perCustomerMax}, or nothing.`
  if (form.salesOpenAt && Number.isNaN(Date.parse(form.salesOpenAt)))
    errors.salesOpenAt = 'Not a date and time.'
  if (Object.keys(errors).length > 0 || isbn.kind === 'error' || amount === undefined)
    return { kind: 'errors', errors }
  const book = { isbn: isbn.isbn, ...bookFields(form, amount === null ? null : { amount, currency }, limit) }
  if (before && form.salesOpenAt === formOf(before).salesOpenAt) book.salesOpenAt = before.salesOpenAt
  return { kind: 'ok', book }
}

/** Turns the API's wrong fields (`price.amount`, `contributors.0.name`) into those of the form. */
export function formErrorsOf(fieldErrors: Readonly<Record<string, string>>): FormErrors {
  const errors: FormErrors = {}
  const fields = Object.keys(emptyForm()) as (keyof BookForm)[]
  for (const [path, message] of Object.entries(fieldErrors)) {
    const parts = path.split('.').filter((part) => part !== 'body')
    const name = path.endsWith('currency') ? 'currency' : parts[0]
    const field = fields.find((candidate) => candidate === name)
    if (field) errors[field] ??= message
  }
  return errors
}

function bookFields(
  form: BookForm,
  price: NewBook['price'],
  perCustomer: number | null,
): Omit<NewBook, 'isbn'> {
  const orNull = (text: string) => text.trim() || null
  return {
    title: form.title.trim(),
    subtitle: orNull(form.subtitle),
    contributors: form.contributors
      .map(({ name, role }) => ({ name: name.trim(), role: role.trim() || 'author' }))
      .filter(({ name }) => name !== ''),
    publisher: orNull(form.publisher),
    publishedOn: orNull(form.publishedOn),
    language: orNull(form.language),
    format: form.format.trim() || 'paperback',
    description: orNull(form.description),
    subjects: form.subjects.map((subject) => subject.trim()).filter(Boolean),
    price,
    cover: orNull(form.cover),
    limited: form.limited,
    perCustomer,
    salesOpenAt: form.salesOpenAt ? new Date(form.salesOpenAt).toISOString() : null,
  }
}

/** A cover that the shop draws by itself is no field of the book. */
const isDrawn = (cover: string) => /\/api\/books\/[^/]+\/cover\.svg(\?|$)/.test(cover)

function localTime(iso: string): string {
  const at = new Date(iso)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
