import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { readConfig } from '#config'
import { callHeader, callSigner, innerMetricsToken } from '#ports/http'
import type { EdgeCluster, EdgeState } from '#services/edge'
import { createEdge, type EdgeOverrides } from '../../src/services/edge/service.ts'
import type { TestScope } from './database.ts'

export type TestEdge = {
  url: string
  /** Where it tells of itself. */
  inner: string
  state(): Promise<EdgeState>
  cluster(name: string): Promise<EdgeCluster>
  metrics(): Promise<string>
  readiness(): Promise<number>
  stop(): Promise<void>
}

/** That of every edge here. */
export const edgeSecret = 'secret of the edge'

/** A real edge that follows the picture at a URL. It ends with the test. */
export async function startEdge(
  scope: TestScope,
  fleet: string,
  overrides: EdgeOverrides = {},
  env: Record<string, string> = {},
): Promise<TestEdge> {
  const data = env.OCTAVO_DATA ?? temporaryFolder(scope)
  const settings = { OCTAVO_PORT: '0', OCTAVO_FLEET: fleet, OCTAVO_DATA: data, ...env }
  let inner = ''
  const onListening = (url: string) => {
    inner = url
  }
  const edge = await createEdge(readConfig(settings), { secret: edgeSecret }, { ...overrides, onListening })
  let isStopped = false
  const stop = async () => {
    if (isStopped) return
    isStopped = true
    await edge[Symbol.asyncDispose]()
  }
  scope.after(stop)
  await edge.start()
  const signer = callSigner(edgeSecret)
  const ask = (path: string) =>
    request(inner + path, {
      headers: {
        [callHeader]: signer.call('GET', path, null),
        authorization: `Bearer ${innerMetricsToken(edgeSecret)}`,
      },
    })
  const state = async () => (await (await ask('/internal/edge')).body.json()) as EdgeState
  return {
    url: edge.url,
    inner,
    state,
    async cluster(name) {
      const found = (await state()).clusters.find((each) => each.name === name)
      if (found === undefined) throw new Error(`the edge knows no cluster ${name}`)
      return found
    },
    metrics: async () => (await ask('/metrics')).body.text(),
    async readiness() {
      const { statusCode, body } = await ask('/readyz')
      await body.dump()
      return statusCode
    },
    stop,
  }
}

export function temporaryFolder(scope: TestScope): string {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-edge-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A cluster that answers as its test says, and can freeze: what comes then gets no answer, probes neither. */
export type StandInCluster = {
  url: string
  /** Methods and paths, without probes. */
  seen: string[]
  freeze(): void
  thaw(): void
  /** Ends at once, with what it has open. */
  kill(): Promise<void>
}

/** @param version that it says it is; ready only while there is one @param epoch that it has heard of */
export async function startCluster(
  scope: TestScope,
  answer: RequestListener,
  version: () => string | undefined = () => 'any',
  epoch: () => number | undefined = () => undefined,
): Promise<StandInCluster> {
  const seen: string[] = []
  let isFrozen = false
  const held: (() => void)[] = []
  const server = createServer((request, response) => {
    const go = () => {
      if (request.url === '/readyz') {
        const now = version()
        response.writeHead(now === undefined ? 503 : 200)
        response.end(JSON.stringify({ status: 'ready', version: now, epoch: epoch() }))
        return
      }
      seen.push(`${request.method} ${request.url}`)
      answer(request, response)
    }
    if (isFrozen) held.push(go)
    else go()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const kill = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  scope.after(kill)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    freeze() {
      isFrozen = true
    },
    thaw() {
      isFrozen = false
      for (const go of held.splice(0)) go()
    },
    kill,
  }
}

/** With which what a test asks for may be asked for again. */
export const someKey = { 'idempotency-key': 'a key of this test' }

/** A reader's order, as far as an edge looks at it. */
export const postOrder = (url: string, headers: Record<string, string> = {}) =>
  request(`${url}/api/orders`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json', ...headers },
  })
