import { Compile } from 'typebox/compile'
import { fieldErrors } from '../books/book-fields.ts'
import { NewBook } from '../contract.ts'
import { Notes } from './findings.ts'
import type { ImportedBook } from './source.ts'

export type ToBookResult =
  | { kind: 'ok'; book: ImportedBook }
  | { kind: 'error'; field: string; message: string }

const schema = Compile(NewBook)
/** Stand in for what a record does not tell, which is no fault of the record. */
const someTitle = 'title'
const somePrice = { amount: 0, currency: 'EUR' }

/**
 * Holds a book against the API's own schema, whose limits are those of every way in. What is too long is shortened, and
 * what the book can do without and cannot be kept is left out; both are noted. A wrong ISBN or title refuses the record.
 */
export function checked(given: ImportedBook, notes = new Notes()): ToBookResult {
  const damaged = given.title === undefined ? null : damageIn(given.title)
  if (damaged !== null) return { kind: 'error', field: 'title', message: damaged }
  let book = withinLimits(withoutDamage(given, notes), notes)
  for (let i = 0; i < fieldsMax; i++) {
    const fault = faultOf(book)
    if (fault === undefined) return { kind: 'ok', book }
    if (fault.field === 'isbn' || fault.field === 'title') return { kind: 'error', ...fault }
    const { [fault.field as keyof ImportedBook]: value, ...rest } = book
    notes.leftOut(fault.field, JSON.stringify(value) ?? '', fault.message)
    book = { ...(rest as ImportedBook), ...(fault.field === 'price' && { priceIsUnreadable: true }) }
  }
  return { kind: 'error', field: 'book', message: 'has no value that can be kept' }
}

const fieldsMax = 20

function faultOf(book: ImportedBook): { field: string; message: string } | undefined {
  const {
    copies,
    details: _details,
    prices: _prices,
    priceIsUnreadable: _unreadable,
    detailsTakenAway: _takenAway,
    price,
    ...fields
  } = book
  if (copies !== undefined && !(Number.isInteger(copies) && copies >= 0 && copies <= copiesMax))
    return { field: 'copies', message: `is not a whole number from 0 to ${copiesMax}` }
  const whole = { title: someTitle, ...fields, price: price ?? somePrice }
  if (!schema.Check(whole)) {
    const [fault] = schema.Errors(whole)
    return { field: fieldOf(fault?.instancePath ?? ''), message: sentenceOf(fault) }
  }
  return fieldErrors(whole)[0]
}

const copiesMax = 1_000_000_000

/** A character that the file's encoding does not have, or one that no text has. */
function damageIn(text: string): string | null {
  if (text.includes('\ufffd')) return `holds a character that cannot be read: "${text.slice(0, 40)}"`
  return /[\p{Cc}]/u.test(text) ? 'has characters or a form not allowed here' : null
}

/** Leaves out what holds a character that cannot be read; of lists, the entries that do. */
function withoutDamage(book: ImportedBook, notes: Notes): ImportedBook {
  const kept: Record<string, unknown> = { ...book }
  for (const field of ['subtitle', 'publisher', 'format', 'description'] as const) {
    const text = book[field]
    if (typeof text !== 'string') continue
    const damage = damageIn(field === 'description' ? text.replace(/[\n\t]/g, ' ') : text)
    if (damage === null) continue
    notes.leftOut(field, text, damage)
    delete kept[field]
  }
  const people = book.contributors?.filter(({ name }) => isWhole('contributors', name, notes))
  if (people !== undefined) kept.contributors = people
  const subjects = book.subjects?.filter((subject) => isWhole('subjects', subject, notes))
  if (subjects !== undefined) kept.subjects = subjects
  return kept as ImportedBook
}

function isWhole(field: string, text: string, notes: Notes): boolean {
  const damage = damageIn(text)
  if (damage !== null) notes.leftOut(field, text, damage)
  return damage === null
}

const entriesMax = 50

function withinLimits(given: ImportedBook, notes: Notes): ImportedBook {
  const { title, subtitle, contributors, publisher, description, subjects, format, ...book } = given
  const cut = <T extends string | null>(field: string, text: T, max: number): T | string => {
    const short = shortened(text, max)
    if (short !== text)
      notes.repaired(field, text ?? '', `… ${(short ?? '').slice(-60)}`, `shortened to ${max} characters`)
    return short
  }
  const fitting = subjects?.filter((subject) => subject.length <= 100).slice(0, entriesMax)
  if (fitting !== undefined && fitting.length < (subjects?.length ?? 0))
    notes.leftOut(
      'subjects',
      `${(subjects?.length ?? 0) - fitting.length} of ${subjects?.length}`,
      'are too long or too many',
    )
  if ((contributors?.length ?? 0) > entriesMax)
    notes.leftOut('contributors', `${(contributors?.length ?? 0) - entriesMax} names`, 'are too many')
  // A record none of whose subjects fits says nothing of them.
  const isUsable = fitting !== undefined && (fitting.length > 0 || subjects?.length === 0)
  return {
    ...book,
    ...(title !== undefined && { title: cut('title', title, 500) }),
    ...(subtitle !== undefined && { subtitle: cut('subtitle', subtitle, 500) }),
    ...(format !== undefined && { format: cut('format', format, 40) }),
    ...(contributors !== undefined && {
      contributors: contributors
        .slice(0, entriesMax)
        .map(({ name, role }) => ({ name: cut('contributors', name, 200), role: shortened(role, 40) })),
    }),
    ...(publisher !== undefined && { publisher: cut('publisher', publisher, 200) }),
    ...(description !== undefined && { description: cut('description', description, 20_000) }),
    ...(isUsable && { subjects: fitting }),
  }
}

/** Cut after a word, never inside a character. */
function shortened<T extends string | null>(text: T, charactersMax: number): T | string {
  if (text === null || text.length <= charactersMax) return text
  const start = text.slice(0, charactersMax - 1).replace(/[\uD800-\uDBFF]$/, '')
  return `${start.replace(/\s+\S{0,40}$/, '')}…`
}

/** `/contributors/0/name` → `contributors`. */
const fieldOf = (path: string) => path.split('/')[1] ?? ''

function sentenceOf(fault: { keyword: string; message: string; params: unknown } | undefined): string {
  const params = (fault?.params ?? {}) as { limit?: number }
  if (fault?.keyword === 'maxLength') return `is longer than ${params.limit} characters`
  if (fault?.keyword === 'maxItems') return `has more than ${params.limit} entries`
  if (fault?.keyword === 'pattern') return 'has characters or a form not allowed here'
  return fault?.message ?? 'is not valid'
}
