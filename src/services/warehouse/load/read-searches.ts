import type { Cursors } from '../store/manifest.ts'
import type { Cut } from './cut.ts'
import type { Staging } from './staging.ts'

/**
 * Reads what was looked for without a hit on days that are not as they were at the last load: such a day is replaced whole.
 * What was forgotten there is forgotten here, be it a day, or entries that hold something of a customer.
 * @returns what each day adds up to
 */
export async function readSearches(
  { books }: Cut,
  since: Cursors['searches'],
  staging: Staging,
): Promise<NonNullable<Cursors['searches']>> {
  const table = books.table('search_misses')
  const days = await books.query<{ day: string; sum: string }>(
    `SELECT day, ${books.missSum} AS sum FROM ${table} GROUP BY day ORDER BY day`,
    [],
  )
  const sums = Object.fromEntries(days.map(({ day, sum }) => [day, String(sum)]))
  for (const [day, sum] of Object.entries(sums)) {
    if (since?.[day] === sum) continue
    const rows = await books.query<{ day: string; words: string; times: number }>(
      `SELECT day, words, times FROM ${table} WHERE day = ?1`,
      [day],
    )
    for (const row of rows) staging.add('searches', { key: `${row.day} ${row.words}`, ...row })
    await staging.relieve()
  }
  for (const day of Object.keys(since ?? {})) if (!(day in sums)) staging.remove('searches', day)
  return sums
}
