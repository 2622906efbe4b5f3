import type { Statements } from '#ports/database'
import {
  type BookCounts,
  type BookFilter,
  countedMax,
  type FacetValue,
  facetValuesMax,
} from '../book-store.ts'
import { listed } from './filter-sql.ts'

/** A book with more bytes of subjects than this has its subjects counted by the server, so that an answer stays bounded. */
const subjectBytesMax = 2_048

type Counted = { format: string; language: string | null; subjects: string | null }

/**
 * A facet counts with the other filters in force and without its own: what choosing each of its values would give. What
 * is counted are rows that the server hands over as they are: it takes as long to count them itself, and much longer to
 * join them with their subjects.
 */
export async function bookCounts(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
): Promise<BookCounts> {
  const { subject, format, language, ...others } = filter
  const chosen = {
    subject: { ...(subject !== undefined && { subject }) },
    format: { ...(format !== undefined && { format }) },
    language: { ...(language !== undefined && { language }) },
  }
  const [found, bySubject, byFormat, byLanguage] = await Promise.all([
    rowsOf<Counted>(
      database,
      filter,
      `b.format, b.language_primary AS language, ${subject === undefined ? subjectsSql : 'NULL AS subjects'}`,
    ),
    subject === undefined
      ? undefined
      : subjectsOf(database, { ...others, ...chosen.format, ...chosen.language }),
    format === undefined
      ? undefined
      : counted(database, 'b.format', { ...others, ...chosen.subject, ...chosen.language }),
    language === undefined
      ? undefined
      : counted(database, 'b.language_primary', { ...others, ...chosen.subject, ...chosen.format }),
  ])
  return {
    total: Math.min(found.length, countedMax),
    totalIsLowerBound: found.length > countedMax,
    subject: bySubject ?? (await subjectFacet(database, filter, found)),
    format: byFormat ?? facetOf(times(found.map((each) => each.format))),
    language: byLanguage ?? facetOf(times(found.flatMap((each) => each.language ?? []))),
  }
}

const subjectsSql = `IF(OCTET_LENGTH(b.subjects) <= ${subjectBytesMax}, b.subjects, NULL) AS subjects`

async function rowsOf<Row>(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
  columns: string,
): Promise<Row[]> {
  const { from, conditions } = await listed(database, filter, { withStock: false, limit: countedMax + 1 })
  return await database.query<Row>(
    `SELECT ${columns} FROM ${from.sql} WHERE ${conditions.sql} LIMIT ${countedMax + 1}`,
    [...from.params, ...conditions.params],
  )
}

async function subjectsOf(database: Pick<Statements, 'query'>, filter: BookFilter): Promise<FacetValue[]> {
  return await subjectFacet(
    database,
    filter,
    await rowsOf<Pick<Counted, 'subjects'>>(database, filter, subjectsSql),
  )
}

async function subjectFacet(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
  rows: readonly Pick<Counted, 'subjects'>[],
): Promise<FacetValue[]> {
  if (rows.some(({ subjects }) => subjects === null)) return await subjectsByServer(database, filter)
  const counts = new Map<string, number>()
  // Many books have the same subjects: their text is taken apart once.
  for (const [text, count] of times(rows.map(({ subjects }) => subjects ?? '[]')))
    for (const value of JSON.parse(text) as string[]) counts.set(value, (counts.get(value) ?? 0) + count)
  return facetOf(counts)
}

async function subjectsByServer(
  database: Pick<Statements, 'query'>,
  filter: BookFilter,
): Promise<FacetValue[]> {
  const { from, conditions } = await listed(database, filter, { withStock: false, limit: countedMax + 1 })
  return await database.query<FacetValue>(
    `SELECT x.subject AS value, count(*) AS count
       FROM (SELECT b.isbn FROM ${from.sql} WHERE ${conditions.sql} LIMIT ${countedMax + 1}) found
       JOIN book_subjects x ON x.isbn = found.isbn
      GROUP BY x.subject ORDER BY count DESC, value LIMIT ${facetValuesMax}`,
    [...from.params, ...conditions.params],
  )
}

/** Of a facet with something chosen in it, whose books are not those of the list. */
async function counted(
  database: Pick<Statements, 'query'>,
  column: string,
  filter: BookFilter,
): Promise<FacetValue[]> {
  const { from, conditions } = await listed(database, filter, { withStock: false, limit: countedMax + 1 })
  const rows = await database.query<{ value: string | null; count: number }>(
    `SELECT value, count(*) AS count
       FROM (SELECT ${column} AS value FROM ${from.sql} WHERE ${conditions.sql} LIMIT ${countedMax + 1}) found
      GROUP BY value`,
    [...from.params, ...conditions.params],
  )
  return facetOf(new Map(rows.flatMap(({ value, count }) => (value === null ? [] : [[value, count]]))))
}

function times(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** The most frequent first, and those alike in count by code point. */
function facetOf(counts: ReadonlyMap<string, number>): FacetValue[] {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)))
    .slice(0, facetValuesMax)
}
