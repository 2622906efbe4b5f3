import { isIP } from 'node:net'
import { Problem } from '#kernel/problem'
import { checkOrigin } from './proxy/check-origin.ts'
import type { Exchange } from './proxy/exchange.ts'

const urlBytesMax = 8 * 1024
export const headersMax = 100

/** What is wrong with a request wherever it is going, if anything. */
export function faultOf(
  { request, target, path }: Exchange,
  ownOrigin: string,
  hosts: ReadonlySet<string> | undefined,
): Problem | undefined {
  const { headers, httpVersion, method, rawHeaders, url = '' } = request
  if (target.length > urlBytesMax)
    return new Problem(414, 'uri-too-long', `The address is longer than ${urlBytesMax} bytes.`)
  if (rawHeaders.length > headersMax * 2)
    return new Problem(431, 'headers-too-large', `There are more than ${headersMax} headers.`)
  if (!target.startsWith('/') && !(method === 'OPTIONS' && target === '*'))
    return new Problem(400, 'bad-request', 'The address should start with a slash.')
  if (httpVersion !== '1.0' && headers.host === undefined)
    return new Problem(400, 'bad-request', 'The Host header is missing.')
  if (headers.host !== undefined && !isHost(headers.host))
    return new Problem(400, 'bad-request', 'The Host header is not a name or an address.')
  if (!isPercentEncoded(target))
    return new Problem(400, 'bad-request', 'The address is not well percent-encoded.')
  const named = authorityOf(url)
  if (named !== undefined && named !== headers.host?.toLowerCase())
    return new Problem(400, 'bad-request', 'The address and the Host header name different hosts.')
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    return new Problem(400, 'bad-request', 'Only the transfer coding "chunked" is understood.')
  // A proxy that speaks HTTP/1.0 sees another end of such a body than we do. Source: RFC 9112 section 6.1.
  if (coding !== undefined && httpVersion === '1.0')
    return new Problem(400, 'bad-request', 'HTTP/1.0 knows no transfer codings.')
  if (hosts !== undefined && !isOurs(hostName(headers.host), hosts) && !probes.has(path))
    return new Problem(421, 'misdirected-request', 'This store is not known by that name.')
  const twice = headerSentTwice(rawHeaders)
  if (twice !== undefined)
    return new Problem(400, 'bad-request', `The ${twice} header is there more than once.`)
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return new Problem(417, 'expectation-failed', 'Only 100-continue can be expected.')
  return checkOrigin(request, ownOrigin)
}

/** The host that an address in that form names, in lower case. */
const authorityOf = (url: string) => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]?.toLowerCase()

const probes = new Set(['/livez', '/healthz', '/readyz', '/startupz', '/metrics'])

/** A name that is not ours may be one that leads here by somebody else's hand; an address leads nowhere else. */
const isOurs = (name: string, hosts: ReadonlySet<string>) =>
  hosts.has(name) || name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0

const hostForm = /^(?:\[[\da-f:.]+\]|[\w.~%!$&'()*+,;=-]*)(?::(\d{0,5}))?$/i
/** Of a name in the DNS (RFC 1035 section 2.3.4), with a port behind it. */
const hostCharactersMax = 255 + ':65535'.length

/** Whether a Host header names one. Source: RFC 9110 section 7.2, RFC 3986 section 3.2.2. */
function isHost(text: string): boolean {
  const port = hostForm.exec(text)
  return port !== null && Number(port[1] ?? 0) <= 65_535 && text.length <= hostCharactersMax
}

/** Whether every `%` begins a byte, and the bytes are UTF-8: what is none would be read as another text than was sent. */
function isPercentEncoded(target: string): boolean {
  if (!target.includes('%')) return true
  try {
    decodeURIComponent(target)
    return true
  } catch {
    // Whoever sent it is told.
    return false
  }
}

/** Of a Host header, without the port. */
export const hostName = (host: string | undefined) => (host ?? '').replace(/:\d+$/, '').toLowerCase()

/** Headers whose second value another program behind or before us might take for the first. */
const onlyOnce = new Map([
  ['host', 'Host'],
  ['idempotency-key', 'Idempotency-Key'],
  ['content-type', 'Content-Type'],
  ['content-length', 'Content-Length'],
  ['authorization', 'Authorization'],
])

/** Source: RFC 9112 section 3.2, RFC 9110 section 5.3. */
function headerSentTwice(rawHeaders: readonly string[]): string | undefined {
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const shown = onlyOnce.get((rawHeaders[i] ?? '').toLowerCase())
    if (shown === undefined) continue
    if (seen.has(shown)) return shown
    seen.add(shown)
  }
  return undefined
}
