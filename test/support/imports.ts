import type { Reply, TestCatalog } from './catalog.ts'
import { until } from './until.ts'

const csv = { 'content-type': 'text/csv' }

/** Posts a catalogue, waits until its import is no longer running, and gives it as it is then. */
export async function imported(
  catalog: TestCatalog,
  body: string | Uint8Array,
  query = '',
  headers: Record<string, string> = csv,
): Promise<Reply['body']> {
  const posted = await catalog.call('POST', `/api/imports${query}`, body, headers)
  if (posted.status !== 202) throw new Error(JSON.stringify(posted.body))
  const location = posted.headers.get('location') ?? ''
  let state: Reply['body']
  await until(async () => {
    state = (await catalog.call('GET', location)).body
    return state.status !== 'running'
  })
  return state
}
