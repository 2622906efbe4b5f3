import { Problem } from '#kernel/problem'

type Done = (error: Error | null, value?: unknown) => void

/** Parses a JSON body; `__proto__` and duplicate tricks end as ordinary unknown fields, because schemas are closed. */
export function parseJson(text: string, done: Done): void {
  if (text === '') {
    done(new Problem(400, 'invalid-json', 'The body is empty; send a JSON object.'))
    return
  }
  try {
    done(null, JSON.parse(text))
  } catch (error) {
    done(new Problem(400, 'invalid-json', `The body is not JSON: ${(error as Error).message.slice(0, 200)}`))
  }
}
