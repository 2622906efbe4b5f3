import { type FieldError, invalid, Problem } from '#kernel/problem'

type Done = (error: Error | null, value?: unknown) => void

/**
 * Parses a JSON body; `__proto__` and duplicate tricks end as ordinary unknown fields, because schemas are closed.
 * An empty body is no value: whether the route needs one is for the route to say.
 */
export function parseJson(text: string, done: Done): void {
  if (text === '') {
    done(null, undefined)
    return
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    done(new Problem(400, 'invalid-json', `The body is not JSON: ${(error as Error).message.slice(0, 200)}`))
    return
  }
  const errors = unstorable.test(text) ? unstorableTexts(value, '') : []
  if (errors.length > 0) done(invalid(errors))
  else done(null, value)
}

/** UTF-8 has no way to write these; JSON has, by escapes. Source: RFC 8259 section 8.2. */
const unstorable = /\\u(?:0000|d[89a-f])/i

/** No request goes deeper than this. */
const depthMax = 32

/** Texts that no database can hold: zero characters and halves of surrogate pairs. */
function unstorableTexts(value: unknown, path: string, depth = 0): FieldError[] {
  if (depth > depthMax) return [{ field: 'body', message: 'is nested too deeply' }]
  if (typeof value === 'string') {
    const isFine = value.isWellFormed() && !value.includes('\0')
    return isFine ? [] : [{ field: path || 'body', message: 'holds what is no character in Unicode' }]
  }
  if (value === null || typeof value !== 'object') return []
  if (Array.isArray(value))
    return value.flatMap((each, i) => unstorableTexts(each, `${path}[${i}]`, depth + 1))
  return Object.entries(value).flatMap(([name, each]) =>
    unstorableTexts(each, path === '' ? name : `${path}.${name}`, depth + 1),
  )
}
