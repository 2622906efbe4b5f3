import { isUtf8 } from 'node:buffer'
import { type FieldError, invalid, Problem } from '#kernel/problem'

type Done = (error: Error | null, value?: unknown) => void

/**
 * Parses a JSON body; `__proto__` ends as an ordinary unknown field, because schemas are closed. A field that is there
 * twice is refused: whoever reads beside us may take the other one. An empty body is no value: whether the route needs one is for the route to say.
 */
export function parseJson(bytes: Buffer, done: Done): void {
  if (bytes.length === 0) {
    done(null, undefined)
    return
  }
  if (!isUtf8(bytes)) {
    done(new Problem(400, 'invalid-json', 'The body is not UTF-8.'))
    return
  }
  const text = bytes.toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    done(new Problem(400, 'invalid-json', `The body is not JSON: ${(error as Error).message.slice(0, 200)}`))
    return
  }
  if (membersWritten(text) > membersOf(value)) {
    done(new Problem(400, 'invalid-json', 'The body has an object with the same field twice.'))
    return
  }
  const errors: FieldError[] = []
  if (unstorable.test(text)) findUnstorable(value, '', errors)
  if (errors.length > 0) done(invalid(errors))
  else done(null, value)
}

/** Members of all objects in valid JSON: a colon outside of strings stands in each. Source: RFC 7493, section 2.3. */
function membersWritten(text: string): number {
  let members = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === colon) members++
    else if (code === quote) i = endOfString(text, i)
  }
  return members
}

const [quote, colon, backslash] = [0x22, 0x3a, 0x5c]

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++
    if (escapes % 2 === 0) return end
  }
}

/** The same of what was read. Nothing is deeper than the text is long, so one that is too deep is not gone into. */
function membersOf(value: unknown): number {
  let members = 0
  const open = [value]
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (each === null || typeof each !== 'object') continue
    const within = Array.isArray(each) ? each : Object.values(each)
    if (!Array.isArray(each)) members += within.length
    for (const one of within) if (typeof one === 'object') open.push(one)
  }
  return members
}

/** UTF-8 has no way to write these; JSON has, by escapes. Source: RFC 8259 section 8.2. */
const unstorable = /\\u(?:0000|d[89a-f])/i

/** No request goes deeper than this. */
const depthMax = 32

/** So many faults are named; looking for more would only cost time. */
const faultsMax = 20

/** Finds texts that no database can hold: zero characters and halves of surrogate pairs. */
function findUnstorable(value: unknown, path: string, found: FieldError[], depth = 0): void {
  if (found.length >= faultsMax) return
  if (depth > depthMax) found.push({ field: 'body', message: 'is nested too deeply' })
  else if (typeof value === 'string') {
    if (!value.isWellFormed() || value.includes('\0'))
      found.push({ field: path || 'body', message: 'holds what is no character in Unicode' })
  } else if (Array.isArray(value))
    for (const [i, each] of value.entries()) findUnstorable(each, `${path}[${i}]`, found, depth + 1)
  else if (value !== null && typeof value === 'object')
    for (const [name, each] of Object.entries(value))
      findUnstorable(each, path === '' ? name : `${path}.${name}`, found, depth + 1)
}

export const bodyMissing = () => new Problem(400, 'invalid-json', 'The body is empty; send a JSON object.')
