import { lookup as systemLookup } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './public-address.ts'

export type Fetched = { kind: 'picture'; type: string; bytes: Buffer } | { kind: 'none'; message: string }

/** What tests put in the place of the world. */
export type FetchOverrides = {
  resolve?: (host: string) => Promise<{ address: string; family: number }[]>
  isAllowed?: (address: string) => boolean
  ports?: readonly string[]
  ca?: string
  /** The name that the test's certificate is for. */
  certificateName?: string
  timeoutMs?: number
}

export const pictureLimits = { bytesMax: 3 * 1024 * 1024, timeoutMs: 10_000, redirectsMax: 3 } as const

/**
 * Fetches a picture that a file names, from the public internet alone: https on its own port, each address looked at in
 * the moment of connecting to it, so that no name, no later answer for it and no redirect leads into the shop's network.
 * It has an end in time and in size, and is what its first bytes say: JPEG, PNG or WebP.
 */
export async function fetchPicture(
  link: string,
  signal: AbortSignal,
  overrides: FetchOverrides = {},
): Promise<Fetched> {
  const { timeoutMs = pictureLimits.timeoutMs } = overrides
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    let url = link
    for (let i = 0; i <= pictureLimits.redirectsMax; i++) {
      const problem = problemWith(url, overrides)
      if (problem !== undefined) return { kind: 'none', message: problem }
      const response = await responseOf(url, limit, overrides)
      const { statusCode = 0, headers } = response
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.destroy()
        if (!URL.canParse(headers.location, url)) return { kind: 'none', message: 'redirects to no address' }
        url = new URL(headers.location, url).href
        continue
      }
      if (statusCode === 200) return await pictureIn(response)
      response.destroy()
      return { kind: 'none', message: `was answered with ${statusCode}` }
    }
    return { kind: 'none', message: 'redirects too often' }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    const isLate = limit.aborted
    return { kind: 'none', message: isLate ? `did not come within ${timeoutMs / 1000} s` : wordsOf(error) }
  }
}

function problemWith(link: string, { isAllowed = isPublicAddress, ports = [''] }: FetchOverrides) {
  if (!URL.canParse(link)) return 'is no address'
  const { protocol, username, password, port, hostname } = new URL(link)
  if (protocol !== 'https:' || !ports.includes(port)) return 'is not of https on its own port'
  if (username !== '' || password !== '') return 'holds a password'
  const literal = hostname.replace(/^\[|\]$/g, '')
  return isIP(literal) !== 0 && !isAllowed(literal) ? notPublic : undefined
}

const notPublic = 'leads to no public address'

/** The address that is checked is the one that is connected to. */
function responseOf(url: string, signal: AbortSignal, overrides: FetchOverrides): Promise<IncomingMessage> {
  const {
    resolve = (host) => systemLookup(host, { all: true }),
    isAllowed = isPublicAddress,
    ca,
    certificateName,
  } = overrides
  const lookup: LookupFunction = (host, { all }, callback) => {
    resolve(host).then(
      (found) => {
        const [first] = found
        if (first === undefined || !found.every(({ address }) => isAllowed(address)))
          callback(new Error(notPublic), '', 0)
        else if (all) callback(null, found)
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    )
  }
  return new Promise((taken, failed) => {
    const headers = { accept: 'image/jpeg, image/png, image/webp', 'user-agent': 'Octavo' }
    const request = get(
      url,
      { lookup, signal, headers, agent: false, ...(ca !== undefined && { ca, servername: certificateName }) },
      taken,
    )
    request.on('error', failed)
  })
}

async function pictureIn(response: IncomingMessage): Promise<Fetched> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > pictureLimits.bytesMax) {
      response.destroy()
      return { kind: 'none', message: `is larger than ${pictureLimits.bytesMax / 1024 / 1024} MiB` }
    }
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks)
  const type = typeOf(whole)
  return type === undefined
    ? { kind: 'none', message: 'is no JPEG, PNG or WebP picture' }
    : { kind: 'picture', type, bytes: whole }
}

/** By the first bytes, whatever the server calls it. */
function typeOf(bytes: Buffer): string | undefined {
  const start = bytes.subarray(0, 12).toString('latin1')
  if (start.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg'
  if (start.startsWith('\u0089PNG\r\n\u001a\n')) return 'image/png'
  return start.startsWith('RIFF') && start.endsWith('WEBP') ? 'image/webp' : undefined
}

const wordsOf = (error: unknown) =>
  error instanceof Error && error.message === notPublic ? notPublic : 'could not be fetched'
