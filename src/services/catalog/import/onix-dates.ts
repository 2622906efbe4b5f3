import { dayMs } from '#kernel/day'
import { isDate } from '../books/book-fields.ts'
import type { OnixElement } from './onix-element.ts'
import { type Read, read, startOf, unreadable } from './read-values.ts'

/** A date of ONIX with the format that it or its neighbour names. Source: ONIX code list 55. */
export function dateIn(composite: OnixElement): { text: string; format: string } {
  const date = composite.one('Date')
  const format = date?.attributes.dateformat ?? composite.value('DateFormat')
  return { text: date?.text.trim() ?? '', format }
}

/**
 * The day, month or year that a date of ONIX means, as the API writes it; of a range its beginning. Weeks, seasons in
 * words and dates of other calendars are none that the shop can show, and 2027 is not guessed from them.
 */
export function readOnixDate({ text, format }: { text: string; format: string }): Read<string> {
  const wrong = unreadable(`"${startOf(text)}" is not a date in the calendar`)
  const iso = /^(\d{4})-(\d\d)(?:-(\d\d))?(?:T.{0,30})?$/.exec(text)
  const digits = (iso === null ? text : iso.slice(1).filter(Boolean).join('')).replace(/T.*$/, '')
  const length = lengths[format === '' || iso !== null ? 'any' : format]
  if (length === undefined)
    return unreadable(`"${startOf(text)}" is no day, month or year (date format ${startOf(format)})`)
  if (!/^\d+$/.test(digits)) return wrong
  if (length === 'any' ? ![4, 6, 8].includes(digits.length) : digits.length < length) return wrong
  const kept = length === 'any' ? digits.length : length
  const parts = [digits.slice(0, 4), digits.slice(4, Math.min(6, kept)), digits.slice(6, Math.min(8, kept))]
  const date = parts.filter((part) => part !== '' && part !== '00').join('-')
  return isDate(date) && date !== '0000' ? read(date) : wrong
}

/** How many digits of each format make a day, a month or a year. A quarter and a third of a year are read as the year. */
const lengths: Readonly<Record<string, 4 | 6 | 8 | 'any'>> = {
  any: 'any',
  '00': 8,
  '01': 6,
  '03': 4,
  '04': 4,
  '05': 4,
  '06': 8,
  '07': 6,
  '09': 4,
  '10': 4,
  '11': 4,
  '13': 8,
  '14': 8,
}

/** The moment at which a day, a month or a year begins where the shop is. ISO 8601 in UTC. */
export function startOfDate(date: string, timeZone: string): string {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number)
  return localMidnight(year, month, day, timeZone)
}

/** The moment after the whole of a day, a month or a year has passed. */
export function endOfDate(date: string, timeZone: string): string {
  const [year = 0, month, day] = date.split('-').map(Number)
  if (month === undefined) return localMidnight(year + 1, 1, 1, timeZone)
  if (day === undefined) return localMidnight(year, month + 1, 1, timeZone)
  return localMidnight(year, month, day + 1, timeZone)
}

/** The day that a moment is in, where the shop is. */
export function dayOf(time: string, timeZone: string): string {
  const days = [-1, 0, 1].map((days) => new Date(Date.parse(time) + days * dayMs).toISOString().slice(0, 10))
  return days.findLast((day) => startOfDate(day, timeZone) <= time) ?? time.slice(0, 10)
}

/** The last day that has passed whole at a moment. */
export const lastDayBefore = (time: string, timeZone: string) =>
  dayOf(new Date(Date.parse(time) - 1).toISOString(), timeZone)

/** The moment that a date with a time of day means, where the shop is unless it says its offset. */
export function momentOf(text: string, timeZone: string): string | undefined {
  const parts =
    /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?(?:(Z)|([+-]\d\d):?(\d\d))?$/.exec(text)
  if (parts === null) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number)
  const [zulu, hours, minutes] = parts.slice(7)
  if (hour > 23 || minute > 59) return undefined
  if (zulu === undefined && hours === undefined)
    return localTime(Date.UTC(year, month - 1, day, hour, minute, second || 0), timeZone)
  const offset = Number(hours ?? 0) * 60 + Math.sign(Number(hours ?? 0) || 1) * Number(minutes ?? 0)
  return new Date(Date.UTC(year, month - 1, day, hour, minute - offset, second || 0)).toISOString()
}

const localMidnight = (year: number, month: number, day: number, timeZone: string) =>
  localTime(Date.UTC(year, month - 1, day), timeZone)

/** When the clocks of a zone show what those of UTC show at a moment. */
function localTime(utc: number, timeZone: string): string {
  let time = utc
  // Twice, because the offset at the first guess may be that before a change of the clocks.
  for (let i = 0; i < 2; i++) time = utc - offsetMs(time, timeZone)
  return new Date(time).toISOString()
}

function offsetMs(time: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0
  const parts = formatIn(timeZone).formatToParts(time)
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value)
  const local = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  )
  return local - Math.floor(time / 1000) * 1000
}

/** The last one asked for: a file has one shop. */
let format: { timeZone: string; format: Intl.DateTimeFormat } | undefined

function formatIn(timeZone: string): Intl.DateTimeFormat {
  if (format?.timeZone === timeZone) return format.format
  const numeric = 'numeric'
  const day = { year: numeric, month: numeric, day: numeric } as const
  const time = { hour: numeric, minute: numeric, second: numeric, hourCycle: 'h23' } as const
  format = { timeZone, format: new Intl.DateTimeFormat('en-US', { timeZone, ...day, ...time }) }
  return format.format
}
