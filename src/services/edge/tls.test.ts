import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { connect } from 'node:http2'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { startCluster, startEdge, temporaryFolder } from '../../../test/support/edge.ts'
import { until } from '../../../test/support/until.ts'

const kept = (name: string) =>
  fileURLToPath(new URL(`../../../test/support/certificates/${name}`, import.meta.url))
const echo: RequestListener = async (incoming, response) => {
  let body = ''
  for await (const chunk of incoming.setEncoding('utf8')) body += chunk
  const page = incoming.url === '/' ? 'text/html' : 'application/json'
  response.writeHead(200, { 'content-type': page, 'set-cookie': ['a=1', 'b=2'] })
  response.end(JSON.stringify({ method: incoming.method, headers: incoming.headers, body }))
}

async function startSecure(t: TestContext) {
  const folder = temporaryFolder(t)
  const pair = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  const use = (name: string) => {
    copyFileSync(kept(`${name}.pem`), pair.certificate)
    copyFileSync(kept(`${name}.key.pem`), pair.key)
  }
  use('first')
  const cluster = await startCluster(t, echo)
  const env = { OCTAVO_TLS_CERT: pair.certificate, OCTAVO_TLS_KEY: pair.key }
  const edge = await startEdge(t, `static:a=${cluster.url}`, { certificateEveryMs: 20 }, env)
  return { url: edge.url, use }
}

test('a browser gets HTTP/2 at the edge: headers, cookies and bodies as by HTTP/1.1', async (t) => {
  const { url } = await startSecure(t)
  const session = connect(url, { rejectUnauthorized: false })
  t.after(() => session.destroy())
  const stream = session.request({ ':path': '/api/orders', ':method': 'POST', cookie: ['x=1', 'y=2'] })
  stream.end('what is ordered')
  const [headers] = await once(stream, 'response')
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  const seen = JSON.parse(text) as { method: string; headers: Record<string, string>; body: string }
  assert.equal(session.alpnProtocol, 'h2')
  assert.equal(headers[':status'], 200)
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
  assert.deepEqual([seen.method, seen.body, seen.headers.cookie], ['POST', 'what is ordered', 'x=1; y=2'])
  assert.equal(seen.headers['x-forwarded-host'], new URL(url).host)
  assert.equal(seen.headers['x-forwarded-proto'], 'https')
  assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(
    Object.keys(seen.headers).find((name) => name.startsWith(':')),
    undefined,
  )
})

test('a renewed certificate is taken at the edge while requests go on, and none of them is lost', async (t) => {
  const { url, use } = await startSecure(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 2, rejectUnauthorized: false })
  t.after(() => agent.destroy())
  const owners = new Set<string>()
  const failures: string[] = []
  let isOn = true
  const load = Promise.all(
    [agent, undefined].map(async (from) => {
      // One stays on its connection, the other opens one for each request.
      while (isOn) await ask(url, from, owners).catch((error: Error) => failures.push(error.message))
    }),
  )
  await until(() => owners.has('first'))
  use('second')
  await until(() => owners.has('second'))
  isOn = false
  await load
  assert.deepEqual(failures, [])
})

function ask(url: string, agent: Agent | undefined, owners: Set<string>): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${url}/api/books`, { rejectUnauthorized: false, agent: agent ?? false }, (response) => {
      owners.add(String((response.socket as TLSSocket).getPeerCertificate().subject?.O))
      response.resume()
      response.once('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`)),
      )
    }).on('error', reject)
  })
}
