/** An answer with its own status or headers, where the route's plain success answer is not enough. */
export class Answer {
  readonly status: number
  /** Buffers and strings are sent as they are, anything else as JSON. */
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>>) {
    this.status = status
    this.body = body
    this.headers = headers
  }
}

export function answer(
  status: number,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return new Answer(status, body, headers)
}

/** What one who has written has seen: sent back with a read, no replica shows less. */
export const seenHeader = 'octavo-seen'
