import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './client.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects.
export type StreamEvent = { id: string | undefined; event: string; data: any }
export type EventStream = AsyncDisposable & {
  readonly status: number
  readonly headers: Headers
  readonly events: readonly StreamEvent[]
  /** Waits for an event. @throws AssertionError when it does not come */
  until(wanted: (event: StreamEvent) => boolean, limitMs?: number): Promise<StreamEvent>
}

/** Reads server-sent events until disposed. Source: WHATWG HTML, section 9.2. */
export async function openEvents(
  { url, api }: Client,
  path: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const controller = new AbortController()
  const response = await fetch(url + path, { headers, signal: controller.signal })
  const operation = api.find('GET', path.split('?', 1)[0] ?? path)
  assert.ok(operation, `${path} is documented`)
  api.check(operation, response.status, response.headers.get('content-type')?.split(';', 1)[0], undefined)
  const events: StreamEvent[] = []
  const reading = read(response, events).catch((error: unknown) => {
    if (!controller.signal.aborted) throw error
  })
  return {
    status: response.status,
    headers: response.headers,
    events,
    async until(wanted, limitMs = 20_000) {
      const deadline = performance.now() + limitMs
      for (;;) {
        const found = events.find(wanted)
        if (found !== undefined) return found
        const had = events.map(({ id, data }) => `${id} ${JSON.stringify(data)}`).join('\n')
        assert.ok(performance.now() < deadline, `not within ${limitMs} ms: ${wanted}, of\n${had}`)
        await sleep(20)
      }
    },
    async [Symbol.asyncDispose]() {
      controller.abort()
      await reading
    },
  }
}

async function read(response: Response, events: StreamEvent[]): Promise<void> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parsed(block)
      if (event !== undefined) events.push(event)
    }
  }
}

function parsed(block: string): StreamEvent | undefined {
  const fields = new Map(
    block.split('\n').map((each) => [each.split(':', 1)[0], each.replace(/^[^:]*: ?/, '')]),
  )
  const data = fields.get('data')
  return data === undefined
    ? undefined
    : { id: fields.get('id'), event: fields.get('event') ?? 'message', data: JSON.parse(data) }
}
