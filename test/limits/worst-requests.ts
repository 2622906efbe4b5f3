import { bodyBytesMaxOf } from '#kernel/body-limits'
import type { Route } from '#kernel/contract'
import { publicRoutes } from '#roles'

/** One request as bytes on a connection, made to cost as much as its size allows. */
export type WorstRequest = { name: string; bytes: Buffer }

const headerBytes = 15_000
const addressBytes = 8_000
/** For what a route takes as a stream, which has no size of its own. */
const streamBytes = 256 * 1024

/** The worst that a stranger can send to every public route, within every limit on size. */
export function worstRequests(): WorstRequest[] {
  return (publicRoutes as readonly Route[]).flatMap((route) => {
    const path = route.path.replaceAll(/\{\w+\}/g, '9780141439518')
    const name = `${route.method} ${route.path}`
    const bodies = takesBody(route) ? worstBodies(route).map(([what, body]) => [what, body] as const) : []
    return [
      ...bodies.map(([what, body]) => ({ name: `${name}, ${what}`, bytes: withBody(route, path, body) })),
      ...(takesBody(route) ? [{ name: `${name}, tiny chunks`, bytes: inTinyChunks(route, path) }] : []),
      ...worstAddresses(path).map(([what, target]) => ({
        name: `${name}, ${what}`,
        bytes: head(route, target, {}),
      })),
      ...worstHeaders().map(([what, headers]) => ({
        name: `${name}, ${what}`,
        bytes: head(route, path, headers),
      })),
    ]
  })
}

const takesBody = (route: Route) => route.body !== undefined || route.streams !== undefined

function worstBodies(route: Route): [string, string][] {
  const size = bodyBytesMaxOf(route) ?? streamBytes
  const fill = (start: string, piece: string, end: string) =>
    start + piece.repeat(Math.floor((size - start.length - end.length) / piece.length)) + end
  const keys = () => {
    let text = '{'
    for (let i = 0; text.length < size - 20; i++) text += `"${i.toString(36)}":0,`
    return `${text}"_":0}`
  }
  const names = Object.keys((route.body as { properties?: object } | undefined)?.properties ?? { lines: {} })
  return [
    ['unknown keys', keys()],
    ['a deep array', fill('', '[', '')],
    ['a deep, closed array', '['.repeat(size / 2) + ']'.repeat(size / 2)],
    ['a deep object', fill('', '{"a":', '')],
    ['zero characters', fill('{"a":["', '\\u0000","', '"]}')],
    ['a long number', fill('', '9', '')],
    ['an array of arrays', fill('[', '[],', '[]]')],
    ...names.flatMap((name): [string, string][] => [
      [`${name} of empty objects`, fill(`{"${name}":[`, '{},', '{}]}')],
      [`${name} with unknown keys`, `{"${name}":${keys().slice(0, size - name.length - 10)}}}`],
      [`${name} of dots`, fill(`{"${name}":"`, 'a.', '"}')],
      [`${name} of letters`, fill(`{"${name}":"a@`, 'a', '"}')],
      [`${name} of blanks`, fill(`{"${name}":"`, ' ', '"}')],
      [`${name} of hyphens`, fill(`{"${name}":"en`, '-aa', '!"}')],
    ]),
  ]
}

function worstAddresses(path: string): [string, string][] {
  const fill = (start: string, piece: string) =>
    start + piece.repeat(Math.floor((addressBytes - start.length) / piece.length))
  return [
    ['many parameters', fill(`${path}?`, 'a&')],
    ['many values', fill(`${path}?`, 'q=1&')],
    ['a long value', fill(`${path}?q=`, 'ab%20')],
    ['many escapes', fill(`${path}?token=`, '%41')],
    ['many segments', fill(path, '/a')],
    ['many dots', fill(path, '.a')],
  ]
}

function worstHeaders(): [string, Record<string, string>][] {
  const fill = (piece: string) => piece.repeat(Math.floor(headerBytes / piece.length))
  return [
    ['many cookies', { cookie: fill('a=b;') }],
    ['many almost sessions', { cookie: fill('xoctavo_session=') }],
    ['many codings', { 'accept-encoding': fill('a,') }],
    ['many nominated', { connection: fill('a,') }],
    ['many tags', { 'if-none-match': fill('"a",') }],
    ['many hops', { 'x-forwarded-for': fill('1.1.1.1,') }],
    ['a long token', { authorization: `Bearer ${fill('a')}` }],
    ['many headers', Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`h-${i}`, 'a']))],
  ]
}

function head(route: Route, target: string, headers: Record<string, string>): Buffer {
  const lines = [`${route.method} ${target} HTTP/1.1`, 'host: localhost']
  if (headers.connection === undefined) lines.push('connection: close')
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

const bodyHeaders = (route: Route) => ({
  'content-type': route.streams?.[0] ?? 'application/json',
  'idempotency-key': `worst-${Math.random()}`,
})

function withBody(route: Route, path: string, body: string): Buffer {
  const bytes = Buffer.from(body)
  const headers = { ...bodyHeaders(route), 'content-length': String(bytes.length) }
  return Buffer.concat([head(route, path, headers), bytes])
}

/** Six bytes on the wire for each byte of the body. */
function inTinyChunks(route: Route, path: string): Buffer {
  const size = Math.min(bodyBytesMaxOf(route) ?? streamBytes, 64 * 1024) - 2
  const headers = { ...bodyHeaders(route), 'transfer-encoding': 'chunked' }
  return Buffer.concat([
    head(route, path, headers),
    Buffer.from(`${'1\r\n \r\n'.repeat(size)}2\r\n{}\r\n0\r\n\r\n`),
  ])
}

/** As many requests as one reading of a connection can hold. */
export const pipelined = Buffer.from('GET /api/books/x HTTP/1.1\r\nhost:a\r\n\r\n'.repeat(1_500))
