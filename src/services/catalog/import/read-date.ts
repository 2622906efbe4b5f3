import { isDate } from '../books/book-fields.ts'
import { type Read, read, startOf, unreadable } from './read-values.ts'

/** Which of two numbers comes first in dates such as 12/05/2019, where a file shows it. */
export type DayOrder = 'day-first' | 'month-first' | undefined

const earliestYear = 1000
const latestYear = 2200

/**
 * A year (also `2008.0`, and −720 for 720 BCE), a month or a day, as the API writes it. What may mean two days, and
 * what no calendar has, is refused.
 */
export function readDate(given: string, order: DayOrder = undefined): Read<string> {
  const text = given.normalize('NFKC').replace(/\s+/g, ' ').trim()
  const year = /^(-?\d{1,4})(?:\.0+)?$/.exec(text)
  if (year !== null) return yearOf(Number(year[1]), given)
  const found =
    isoDate(text) ?? compactDate(text) ?? monthOfYear(text) ?? writtenDate(text, order) ?? dateInWords(text)
  if (found === undefined)
    return unreadable(
      `"${startOf(given)}" is not a year, a month (YYYY-MM) or a day (YYYY-MM-DD)${hintOf(text)}`,
    )
  if (found === 'ambiguous')
    return unreadable(`"${startOf(given)}" may be a day of two months; write YYYY-MM-DD`)
  // The first of January of the year 101 is what calibre writes for a date that it does not know.
  if (!isDate(found) || Number(found.slice(0, 4)) < earliestYear)
    return unreadable(`"${startOf(given)}" is not a date in the calendar`)
  return read(found)
}

function yearOf(year: number, given: string): Read<string> {
  if (year === 0 || year > latestYear) return unreadable(`"${startOf(given)}" is not a year that books have`)
  return read((year < 0 ? '-' : '') + String(Math.abs(year)).padStart(4, '0'))
}

const hintOf = (text: string) =>
  /^\d{5}(?:\.\d+)?$/.test(text)
    ? '; it looks like the day number of a spreadsheet: format the column as a date'
    : ''

const joined = (year: string, month?: string, day?: string) =>
  [year, month?.padStart(2, '0'), day?.padStart(2, '0')].filter((part) => part !== undefined).join('-')

function isoDate(text: string): string | undefined {
  const match = /^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ].{1,40})?$/.exec(text)
  return match === null ? undefined : joined(match[1] ?? '', match[2], match[3])
}

function compactDate(text: string): string | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)$/.exec(text)
  return match === null ? undefined : joined(match[1] ?? '', match[2], match[3])
}

/** `05/2019` and `5.2019`. */
function monthOfYear(text: string): string | undefined {
  const match = /^(\d{1,2})[./-](\d{4})$/.exec(text)
  return match === null ? undefined : joined(match[2] ?? '', match[1])
}

/** `31.12.2019`, where the point means that the day comes first, and `12/31/2019`, where only the numbers can tell. */
function writtenDate(text: string, order: DayOrder): string | 'ambiguous' | undefined {
  const match = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[T ].{1,40})?$/.exec(text)
  if (match === null) return undefined
  const [, first = '', mark, second = '', year = ''] = match
  if (Number(first) > 12 || mark === '.') return joined(year, second, first)
  if (Number(second) > 12) return joined(year, first, second)
  if (first === second || order === 'day-first') return joined(year, second, first)
  return order === 'month-first' ? joined(year, first, second) : 'ambiguous'
}

/** What the dates of a column show by themselves: a number above twelve is a day. */
export function dayOrderOf(texts: Iterable<string>): DayOrder {
  let first = 0
  let second = 0
  for (const text of texts) {
    const match = /^(\d{1,2})([/-])(\d{1,2})\2\d{4}/.exec(text.trim())
    if (match === null) continue
    if (Number(match[1]) > 12) first++
    if (Number(match[3]) > 12) second++
  }
  if (first > 0 === second > 0) return undefined
  return first > 0 ? 'day-first' : 'month-first'
}

/** `May 2019`, `31-Dec-2019`, `Sunday, May 12, 2019`, `12. Mai 2019`, `1 de mayo de 2019`. */
function dateInWords(text: string): string | undefined {
  const words = text
    .toLowerCase()
    .replace(/[.,]/g, ' ')
    .replace(/(?<=\d)-(?=\p{L})|(?<=\p{L})-(?=\d)/gu, ' ')
    .split(/ (?:de |del |of )?/)
    .filter((word) => word !== '' && !weekdays.has(withoutAccents(word)))
  // "mar" is a Tuesday where a month follows, and March where none does.
  const named = words.filter((word) => monthOf(word) !== undefined)
  const [month, ...others] = (
    named.length > 1 && shortWeekdays.has(named[0] ?? '') ? named.slice(1) : named
  ).map(monthOf)
  const year = words.find((word) => /^\d{4}$/.test(word))
  const rest = words.filter(
    (word) =>
      word !== year &&
      !named.includes(word) &&
      !(month !== undefined && shortWeekdays.has(withoutAccents(word))),
  )
  if (month === undefined || others.length > 0 || year === undefined || rest.length > 1) return undefined
  if (rest.length === 0) return joined(year, String(month))
  const day = /^(\d{1,2})(?:st|nd|rd|th|er|o|º)?$/.exec(rest[0] ?? '')?.[1]
  return day === undefined ? undefined : joined(year, String(month), day)
}

const monthOf = (word: string): number | undefined => months.get(withoutAccents(word))
const withoutAccents = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** The shop's languages and their neighbours, long and short. */
const monthLanguages = ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'pl', 'sv', 'da', 'nb']
const weekdaysOf = (weekday: 'long' | 'short'): ReadonlySet<string> =>
  new Set(
    monthLanguages.flatMap((language) => {
      const format = new Intl.DateTimeFormat(language, { weekday, timeZone: 'UTC' })
      return Array.from({ length: 7 }, (_, day) =>
        withoutAccents(format.format(Date.UTC(2020, 0, day + 1))).replace(/\./g, ''),
      )
    }),
  )
const weekdays = weekdaysOf('long')
const shortWeekdays = weekdaysOf('short')
const months: ReadonlyMap<string, number> = new Map(
  monthLanguages.flatMap((language) =>
    (['long', 'short'] as const).flatMap((style) => {
      const format = new Intl.DateTimeFormat(language, { month: style, day: 'numeric', timeZone: 'UTC' })
      return Array.from({ length: 12 }, (_, month): [string, number] => {
        const parts = format.formatToParts(Date.UTC(2020, month, 15))
        const name = parts.find(({ type }) => type === 'month')?.value ?? ''
        return [withoutAccents(name).replace(/\./g, ''), month + 1]
      })
    }),
  ),
)
