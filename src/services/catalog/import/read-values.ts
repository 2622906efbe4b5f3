import { isDate } from '../books/book-fields.ts'

/** One value read from a cell, or why it cannot be. A value read otherwise than it is written says so. */
export type Read<T> = { kind: 'ok'; value: T; repaired?: string } | { kind: 'error'; message: string }

export const read = <T>(value: T, repaired?: string): Read<T> => ({
  kind: 'ok',
  value,
  ...(repaired !== undefined && { repaired }),
})
export const unreadable = (message: string): Read<never> => ({ kind: 'error', message })

/** Enough of a value to find it by, cut between two characters: half of one cannot be stored. */
export const startOf = (text: string) => text.slice(0, 40).replace(/[\uD800-\uDBFF]$/, '')

export function readList(text: string): string[] {
  const written = readJsonList(text)
  if (written?.every((each) => typeof each === 'string')) return [...new Set(written)]
  // WooCommerce marks a comma that parts nothing.
  const separator = /[;|]/.test(text) ? /[;|]/ : /(?<!\\),/
  return [
    ...new Set(
      text
        .split(separator)
        .flatMap((part) => part.split(/\s>+\s/))
        .map((part) => part.replaceAll('\\,', ',').trim())
        .filter((part) => part !== ''),
    ),
  ]
}

/** A list in JSON, as the export writes it where plain words would be read otherwise. */
export function readJsonList(text: string): unknown[] | undefined {
  if (!/^\[["{].*\]$/s.test(text)) return undefined
  try {
    const found: unknown = JSON.parse(text)
    return Array.isArray(found) ? found : undefined
  } catch {
    // No list, then.
    // A title in brackets is no JSON, and is read as the words it is.
    return undefined
  }
}

/** A whole number, with or without thousands marked; what a shop oversold counts as none. */
export function readCount(text: string): Read<number> {
  if (/^-\d{1,9}(?:[.,]0+)?$/.test(text)) return read(0, 'below zero')
  if (/^\d{1,9}\.0+$/.test(text)) return read(Number.parseInt(text, 10))
  const plain = /^\d{1,3}(?:[.,'\u2019\s\u00a0\u202f]\d{3})+$/.test(text) ? text.replace(/\D/g, '') : text
  if (!/^\d{1,9}(?:,0{1,2})?$/.test(plain))
    return unreadable(`"${startOf(text)}" is not a whole number from 0`)
  return read(Number.parseInt(plain, 10))
}

export function readYes(text: string): Read<boolean> {
  if (/^(?:yes|y|true|t|1|x|ja|oui|s[iíì])$/i.test(text)) return read(true)
  if (/^(?:no|n|false|f|0|nein|non)$/i.test(text)) return read(false)
  return unreadable(`"${startOf(text)}" is neither yes nor no`)
}

/** A day or a time of ISO 8601, in UTC where it names no offset, whatever zone the server is in. */
export function readTime(text: string): Read<string> {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text)
  const [, day = '', hours = '00:00', offset = 'Z'] = parts ?? []
  const time = new Date(`${day}T${hours}${offset.toUpperCase().replace(/^(.\d\d)(\d\d)$/, '$1:$2')}`)
  if (!isDate(day) || Number.isNaN(time.getTime()))
    return unreadable(`"${startOf(text)}" is not a time such as 2026-12-01T10:00:00Z`)
  return read(time.toISOString())
}
