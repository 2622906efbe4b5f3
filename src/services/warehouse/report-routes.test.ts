import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '#config'
import { callHeader, callSigner, createHttpServer } from '#ports/http'
import type { Loader } from './engine/loader.ts'
import type { QueryEngine } from './engine/query-engine.ts'
import { addReportRoutes } from './report-routes.ts'

const secret = 'a secret of the test'

test('what a report does not take is refused, and what it takes is not', async () => {
  const asOf = '2026-11-30T00:00:00Z'
  const reportEngine: QueryEngine = {
    async ask({ format }) {
      if (format === 'json') return { kind: 'rows', columns: [], rows: [], more: false, asOf }
      return { kind: 'file', bytes: Buffer.from('a'), asOf }
    },
    async [Symbol.asyncDispose]() {},
  }
  const authenticateStaff = async () => ({ email: 'ada@example.org', roles: ['manager' as const] })
  await using server = createHttpServer({ name: 'warehouse', secret, authenticateStaff })
  const loader = {} as Loader
  const parts = { reportEngine, queryEngine: reportEngine, loader, root: '/nowhere', config: readConfig({}) }
  addReportRoutes(server, parts)
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const headers = { authorization: 'Bearer token', [callHeader]: callSigner(secret).pass('warehouse') }
  const answered = async (path: string) => {
    const response = await fetch(`${url}/api/reports/${path}`, { headers })
    const said = response.headers.get('content-type')?.includes('problem') ? await response.json() : {}
    const { errors = [] } = said as { errors?: { field: string }[] }
    return [response.status, ...errors.map(({ field }) => field)]
  }
  const asked: [string, ...(string | number)[]][] = [
    ['revenue?from=2026-02-28&to=2028-02-29&limit=5', 200],
    ['revenue?format=csv&bom=true', 200],
    ['revenue?format=parquet', 200],
    ['drop-first-minute?isbn=9780141439518', 200],
    ['revenue?from=2026-02-29', 400, 'from'],
    ['revenue?isbn=9780141439518', 400, 'isbn'],
    ['stock?from=2026-02-28&to=2026-02-30', 400, 'to', 'from', 'to'],
    ['stock?bom=true', 400, 'bom'],
    ['stock?format=csv&limit=5', 400, 'limit'],
  ]
  for (const [path, ...expected] of asked) assert.deepEqual(await answered(path), expected, path)
})
