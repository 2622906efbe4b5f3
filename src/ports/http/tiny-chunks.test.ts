import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { json, rawExchange, startGateway, startUpstream } from '../../../test/support/gateway.ts'
import { refuseTinyChunks } from './tiny-chunks.ts'

const inChunks = (count: number, head = '') =>
  `POST /api/orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${head}transfer-encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(count)}2\r\n{}\r\n0\r\n\r\n`

type Parser = Record<string, unknown> & { parserOnBody?: unknown }

/** Counts each piece of a body that Node's parser tells of, under the name by which it is known. */
function countPieces(request: IncomingMessage, onPiece: () => void): void {
  const { parser } = request.socket as unknown as { parser: Parser }
  const [name] = Object.entries(parser).find(
    ([, value]) => typeof value === 'function' && value.name === 'parserOnBody',
  ) ?? ['']
  const before = parser[name] as (piece: Buffer) => void
  const counting = {
    parserOnBody(this: Parser, piece: Buffer) {
      onPiece()
      before.call(this, piece)
    },
  }
  parser[name] = counting.parserOnBody
  request.socket.once('close', () => {
    parser[name] = before
  })
}

async function piecesTold(isGuarded: boolean): Promise<number> {
  let pieces = 0
  const server = createServer((request, response) => {
    countPieces(request, () => pieces++)
    if (isGuarded) refuseTinyChunks(request, () => request.destroy())
    request.on('error', () => {})
    request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await rawExchange(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    inChunks(9_000, 'connection: close\r\n'),
  )
  await new Promise((resolve) => server.close(resolve))
  return pieces
}

test('of a body in tiny chunks the parser tells no more than a few, where it would tell of all', async () => {
  assert.equal(await piecesTold(true), 129)
  assert.equal(await piecesTold(false), 9_001)
})

test('a body in tiny chunks is refused, a few of them are taken, and the next connection is served', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    let bytes = 0
    incoming.on('data', (piece: Buffer) => {
      bytes += piece.length
    })
    incoming.on('end', () => json(response, 200, { bytes }))
  })
  const gateway = await startGateway(t, `coordinator=${upstream.url}`)
  for (let i = 0; i < 3; i++) {
    const refused = await rawExchange(gateway.url, inChunks(9_000))
    assert.match(refused, /^HTTP\/1\.1 400 [\s\S]*tiny-chunks/)
    const ahead = await rawExchange(gateway.url, `GET /livez HTTP/1.1\r\nhost: a\r\n\r\n${inChunks(9_000)}`)
    assert.match(ahead, /^HTTP\/1\.1 (200|400) /)
    const taken = await rawExchange(gateway.url, inChunks(60, 'connection: close\r\n'))
    assert.match(taken, /^HTTP\/1\.1 200 [\s\S]*\{"bytes":62\}/)
  }
})
