import { locale } from './locale.ts'

/** `20 November 2026 at 14:05`, in the reader's locale and time zone. */
export function dateTimeText(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'long', timeStyle: 'short' }).format(new Date(iso))
}

/** `20 Nov, 14:05`, for lists and timelines. */
export function shortDateTimeText(iso: string): string {
  const format = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const
  return new Intl.DateTimeFormat(locale(), format).format(new Date(iso))
}

/** `4 Dec`, where the hour does not matter yet. */
export function shortDateText(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short' }).format(new Date(iso))
}

/** `-0700` → `700 BC`, `0180` → `AD 180`, `1813-01-28` → `1813`. */
export function yearText(publishedOn: string): string {
  const year = Number(/^-?\d{4}/.exec(publishedOn)?.[0] ?? Number.NaN)
  if (Number.isNaN(year)) return publishedOn
  if (year < 0) return `${-year} BC`
  return year < 1000 ? `AD ${year}` : String(year)
}

export type Remaining = { days: number; hours: number; minutes: number; seconds: number }

/** What is left of a time span; all zero once it has passed. */
export function remaining(ms: number): Remaining {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return {
    days: Math.floor(seconds / 86_400),
    hours: Math.floor(seconds / 3600) % 24,
    minutes: Math.floor(seconds / 60) % 60,
    seconds: seconds % 60,
  }
}

/** `14:05` or `1:02:09`, for a hold that runs out. */
export function clockText(ms: number): string {
  const { days, hours, minutes, seconds } = remaining(ms)
  const two = (n: number) => String(n).padStart(2, '0')
  const hoursInAll = days * 24 + hours
  return hoursInAll > 0 ? `${hoursInAll}:${two(minutes)}:${two(seconds)}` : `${two(minutes)}:${two(seconds)}`
}
