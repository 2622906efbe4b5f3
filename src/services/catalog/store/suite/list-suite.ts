import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '#kernel/day'
import { statusOf } from '../../books/availability.ts'
import { type Random, randomFrom } from '../../cover/random.ts'
import {
  type BookFilter,
  type BookOrder,
  type FacetValue,
  facetValuesMax,
  type NewBookEntry,
  orderKeys,
} from '../book-store.ts'
import type { CatalogStore } from '../catalog-store.ts'
import type { TestScope } from './stock-suite.ts'
import { add, compare, entryFor, everyPage, hold } from './suite-books.ts'

/** A book of the model: as it was written, with what was taken of it. */
type Known = NewBookEntry & { held: number; sold: number }

const nowMs = Date.parse('2030-01-01T00:00:00.000Z')
const seed = process.env.OCTAVO_TEST_SEED ?? '1'
const lists = 60

/** Lists of every combination of conditions, order and page against a plain model of them, from a seed. */
export function testBookLists(
  name: string,
  open: (t: TestScope) => Promise<readonly [CatalogStore, CatalogStore]>,
): void {
  test(`${name}: lists of any conditions in any order are what a plain model says (seed ${seed})`, async (t) => {
    const [store] = await open(t)
    const random = randomFrom(seed)
    const known = await someBooks(store, random)
    for (let i = 0; i < lists; i++) {
      const filter = someFilter(random)
      const order = random.pick(Object.keys(orderKeys) as BookOrder[])
      const said = `list ${i}: ${order} ${JSON.stringify(filter)}`
      const expected = known.filter(matches(filter))
      const counts = await store.books.counts(filter)
      assert.deepEqual(counts, countsOf(known, filter), said)
      const isbns = inOrder(expected, order)
      const limit = random.pick([1, 7, 100])
      assert.deepEqual(await everyPage(store, filter, order, limit), isbns, said)
      assert.deepEqual(await everyPage(store, filter, order, limit, counts.total), isbns, said)
    }
  })
}

/** Books of a few subjects and one of as many and as long ones as a book may have. */
export function testManySubjects(
  name: string,
  open: (t: TestScope) => Promise<readonly [CatalogStore, CatalogStore]>,
): void {
  test(`${name}: a book of very many subjects is counted like others`, async (t) => {
    const [store] = await open(t)
    const many = Array.from({ length: 50 }, (_, i) => `${i}`.padEnd(100, '書'))
    await add(store, entryFor(1, { subjects: many }), entryFor(2, { subjects: ['A', many[7] ?? ''] }))
    const { subject } = await store.books.counts({ search: { kind: 'all' }, nowMs })
    const alike = ['A', ...many].filter((value) => value !== many[7]).sort(compare)
    assert.deepEqual(
      subject,
      [{ value: many[7] ?? '', count: 2 }, ...alike.map((value) => ({ value, count: 1 }))].slice(
        0,
        facetValuesMax,
      ),
    )
  })
}

const subjects = ['A', 'a', 'Á', 'A, B', '{x}', '"', '\\', '%', '_', 'ß', '書', "it's"]
const formats = ['book', 'pocket', 'Book', 'e-book', '%']
const languages = [null, 'en', 'en-GB', 'en-US', 'eng', 'EN', 'de', 'de-CH-1901', 'zh-Hant']
const titles = ['Same', 'same', 'The Same', 'Ähre', 'ahre', '書', '𠀀', '10', '9', 'z', ' ', 'A%', 'A_']

/** Few values of each kind, so that many books are alike in each. */
async function someBooks(store: CatalogStore, random: Random): Promise<Known[]> {
  const known: Known[] = []
  for (let i = 0; i < 150; i++) {
    const copies = random.pick([0, 0, 1, 3, 20])
    const taken = copies > 0 && random.next() < 0.5 ? Math.ceil(random.next() * copies) : 0
    const sold = random.next() < 0.5 ? taken : 0
    const entry = entryFor(i, {
      title: random.pick(titles),
      price:
        random.next() < 0.1
          ? null
          : { amount: random.pick([0, 1, 999, 1000, 1001, 99_999_999]), currency: 'EUR' },
      publishedOn: random.pick([null, '-0001', '0000', '1999', '1999-12', '1999-12-31', '2000-01', '2031']),
      subjects: subjects.filter(() => random.next() < 0.2),
      format: random.pick(formats),
      language: random.pick(languages),
      limited: random.next() < 0.2,
      salesOpenAt:
        random.next() < 0.8 ? null : new Date(nowMs + random.pick([-1, 0, 1, dayMs])).toISOString(),
    })
    known.push({ ...entry, copies, sold, held: taken - sold })
  }
  await add(store, ...known)
  for (const { isbn, held, sold } of known) {
    if (held > 0) await hold(store, isbn, held)
    if (sold > 0) await hold(store, isbn, sold, 'sold')
  }
  return known
}

function someFilter(random: Random): BookFilter {
  const maybe = <K extends keyof BookFilter>(key: K, from: readonly BookFilter[K][]) =>
    random.next() < 0.3 ? { [key]: random.pick(from) } : {}
  return {
    search: { kind: random.next() < 0.03 ? 'nothing' : 'all' },
    nowMs: nowMs + random.pick([0, 0, 1, 2 * dayMs]),
    ...maybe('subject', [...subjects, 'none', '']),
    ...maybe('format', [...formats, 'none']),
    ...maybe('language', ['en', 'EN-gb', 'de', 'de-ch', 'e', '', 'en-', 'zh', '%', 'x_']),
    ...maybe('limited', [true, false]),
    ...maybe('available', [true, false]),
    ...maybe('minPrice', [0, 1, 1000, Number.MAX_SAFE_INTEGER]),
    ...maybe('maxPrice', [0, 1000, Number.MAX_SAFE_INTEGER]),
  }
}

const matches = (filter: BookFilter) => (book: Known) => {
  const { fields } = book
  const { subject, format, language, limited, available, minPrice, maxPrice } = filter
  const price = fields.price?.amount
  const spoken = fields.language?.toLowerCase()
  return (
    filter.search.kind === 'all' &&
    (subject === undefined || fields.subjects.includes(subject)) &&
    (format === undefined || fields.format === format) &&
    (language === undefined ||
      spoken === language.toLowerCase() ||
      spoken?.startsWith(`${language.toLowerCase()}-`) === true) &&
    (limited === undefined || fields.limited === limited) &&
    (available === undefined || isAvailable(book, filter.nowMs) === available) &&
    (minPrice === undefined || (price !== undefined && price >= minPrice)) &&
    (maxPrice === undefined || (price !== undefined && price <= maxPrice))
  )
}

const isAvailable = ({ fields, ...stock }: Known, atMs: number) =>
  ['in-stock', 'low'].includes(
    statusOf(
      {
        ...stock,
        limited: fields.limited,
        salesOpenAt: fields.salesOpenAt === null ? null : new Date(fields.salesOpenAt),
        priceAmount: fields.price?.amount ?? null,
      },
      atMs,
    ),
  )

function countsOf(known: readonly Known[], filter: BookFilter) {
  const facet = (own: 'subject' | 'format' | 'language', valuesOf: (book: Known) => readonly string[]) => {
    const { [own]: _, ...others } = filter
    const counts = new Map<string, number>()
    for (const value of known.filter(matches(others)).flatMap(valuesOf))
      counts.set(value, (counts.get(value) ?? 0) + 1)
    return [...counts]
      .map(([value, count]): FacetValue => ({ value, count }))
      .sort((a, b) => b.count - a.count || compare(a.value, b.value))
      .slice(0, facetValuesMax)
  }
  return {
    total: known.filter(matches(filter)).length,
    totalIsLowerBound: false,
    subject: facet('subject', ({ fields }) => fields.subjects),
    format: facet('format', ({ fields }) => [fields.format]),
    language: facet('language', ({ keys }) => (keys.language === null ? [] : [keys.language])),
  }
}

function inOrder(books: readonly Known[], order: BookOrder): string[] {
  const direction = order.startsWith('-') ? -1 : 1
  const keyOf = ({ fields, keys, sold }: Known): string | number => {
    switch (order) {
      case 'title':
        return keys.title
      case 'price':
        return fields.price?.amount ?? Number.MAX_SAFE_INTEGER
      case '-price':
        return fields.price?.amount ?? -1
      case '-publishedOn':
        return keys.publishedOn
      default:
        return -sold
    }
  }
  return books
    .toSorted((a, b) => direction * (compare(keyOf(a), keyOf(b)) || compare(a.isbn, b.isbn)))
    .map(({ isbn }) => isbn)
}
