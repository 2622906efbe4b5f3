import { createHash, createHmac } from 'node:crypto'

/** Signature version 4 of AWS. Source: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)". */

export type Credentials = { accessKey: string; secretKey: string; sessionToken?: string }
/** Keys that are lent and end by themselves. */
export type LentCredentials = Credentials & { expiresAtMs: number }

export type ToSign = {
  method: string
  host: string
  /** Percent-encoded, with its leading slash. */
  path: string
  query: Readonly<Record<string, string>>
  region: string
  credentials: Credentials
  nowMs: number
}

const algorithm = 'AWS4-HMAC-SHA256'
/** The longest that a link may live. */
export const linkSecondsMax = 7 * 24 * 3600

/** @returns the headers to send, those given and the signature among them */
export function signedHeaders(
  request: ToSign,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): Record<string, string> {
  const { credentials } = request
  const payloadHash = hashOf(body)
  const all: Record<string, string> = {
    ...headers,
    host: request.host,
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': timeOf(request.nowMs),
    ...(credentials.sessionToken !== undefined && { 'x-amz-security-token': credentials.sessionToken }),
  }
  const { signature, names, scope } = sign(request, request.query, all, payloadHash)
  const authorization = `${algorithm} Credential=${credentials.accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  return { ...all, authorization }
}

/** @returns path and query of a link that reads an object for so many seconds from `nowMs` */
export function signedPath(request: ToSign, expiresSeconds: number): string {
  const { credentials, nowMs } = request
  const query: Record<string, string> = {
    ...request.query,
    'X-Amz-Algorithm': algorithm,
    'X-Amz-Credential': `${credentials.accessKey}/${scopeOf(request)}`,
    'X-Amz-Date': timeOf(nowMs),
    'X-Amz-Expires': String(Math.max(1, Math.min(linkSecondsMax, expiresSeconds))),
    'X-Amz-SignedHeaders': 'host',
    ...(credentials.sessionToken !== undefined && { 'X-Amz-Security-Token': credentials.sessionToken }),
  }
  const { signature } = sign(request, query, { host: request.host }, 'UNSIGNED-PAYLOAD')
  return `${request.path}?${queryText(query)}&X-Amz-Signature=${signature}`
}

function sign(
  request: ToSign,
  query: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
  payloadHash: string,
) {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
  const sorted = lower.sort(([a], [b]) => (a < b ? -1 : 1))
  const names = sorted.map(([name]) => name).join(';')
  const lines = sorted.map(([name, value]) => `${name}:${value}\n`).join('')
  const canonical = [request.method, request.path, queryText(query), lines, names, payloadHash].join('\n')
  const scope = scopeOf(request)
  const text = [algorithm, timeOf(request.nowMs), scope, hashOf(canonical)].join('\n')
  return { signature: hmac(keyOf(request), text).toString('hex'), names, scope }
}

const hashOf = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
/** `20130524T000000Z` */
const timeOf = (nowMs: number) => new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
const dayOf = (nowMs: number) => timeOf(nowMs).slice(0, 8)
const scopeOf = ({ nowMs, region }: ToSign) => `${dayOf(nowMs)}/${region}/s3/aws4_request`

function keyOf({ credentials, nowMs, region }: ToSign): Buffer {
  const parts = [dayOf(nowMs), region, 's3', 'aws4_request']
  return parts.reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${credentials.secretKey}`))
}

/** As the signature wants it: everything but unreserved characters encoded, in order of the names. */
export function queryText(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
}

export const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** A key as a path: its slashes stay. */
export const encodePath = (key: string) => key.split('/').map(encode).join('/')
