import { backoffMs } from '#kernel/backoff'
import { systemClock } from '#ports/clock'
import { Pool } from '#ports/connections'
import { logger } from '#ports/log'
import { InvalidKey, ObjectStoreFull, ObjectStoreRefused, ObjectStoreUnavailable } from '../object-store.ts'
import { openCredentials } from './credentials.ts'
import { encodePath, linkSecondsMax, queryText, signedHeaders, signedPath } from './signature.ts'
import type { S3Url } from './url.ts'
import { textOf } from './xml.ts'

const log = logger('object-store')

const connectionsMax = 32
const attemptsMax = 4
/** Of one attempt, its answer's body included. */
const attemptMaxMs = 5_000
const retryBaseMs = 100
const retryMaxMs = 1_000
const linkHourMs = 3600_000

export type S3Request = {
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Undefined for the bucket itself. */
  key?: string
  query?: Readonly<Record<string, string>>
  headers?: Readonly<Record<string, string>>
  body?: Uint8Array
}
/** `code` is S3's own, from the answer's body. */
export type S3Answer = { status: number; code: string; headers: Record<string, string>; body: Buffer }

export type S3Client = AsyncDisposable & {
  /**
   * Asks until there is an answer that stands: what the store finds wrong is one, what it cannot do now is none.
   * @throws ObjectStoreUnavailable, ObjectStoreFull, InvalidKey
   */
  ask(request: S3Request): Promise<S3Answer>
  /** A link for browsers, or undefined where they do not reach the store. */
  link(key: string, expiresAtMs: number, saveAs?: string): string | undefined
}

export async function openS3Client(s3: S3Url): Promise<S3Client> {
  const at = addressOf(s3, s3.endpoint)
  const pool = new Pool(at.origin, { connections: connectionsMax, connectTimeout: attemptMaxMs })
  const credentials = await openCredentials(s3.credentials)
  const clock = storesClock()

  const askOnce = async ({ method, key, query = {}, headers = {}, body }: S3Request): Promise<S3Answer> => {
    const content = body ?? new Uint8Array(0)
    const request = {
      ...{ method, query, host: at.host, region: s3.region, path: at.path(key) },
      ...{ credentials: credentials.current(), nowMs: clock.now() },
    }
    const text = queryText(query)
    const answer = await pool.request({
      method,
      path: text === '' ? request.path : `${request.path}?${text}`,
      headers: signedHeaders(request, headers, content),
      body: method === 'PUT' ? content : null,
      signal: AbortSignal.timeout(attemptMaxMs),
    })
    const received = Buffer.from(await answer.body.arrayBuffer())
    const code = answer.statusCode >= 400 ? (textOf(received.toString('utf8'), 'Code')[0] ?? '') : ''
    return { status: answer.statusCode, code, headers: flat(answer.headers), body: received }
  }

  return {
    async ask(request) {
      let last: unknown
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        if (attempt > 0)
          await systemClock.sleep(backoffMs(attempt, 0.5 + systemClock.random() / 2, retryBaseMs, retryMaxMs))
        try {
          const answer = await askOnce(request)
          const fault = faultOf(answer, request)
          if (fault === undefined) return answer
          last = fault
          // Keys that were replaced meanwhile are tried at once; others will not be taken later either.
          if (isOfKeys(answer) && !clock.isMovedBy(answer) && !(await credentials.renew())) throw fault
          if (!(fault instanceof ObjectStoreUnavailable)) throw fault
        } catch (error) {
          if (error === last) throw error
          last = unreachable(error, at.origin)
        }
      }
      throw last
    },
    link(key, expiresAtMs, saveAs) {
      if (s3.publicEndpoint === undefined) return undefined
      const to = addressOf(s3, s3.publicEndpoint)
      // Signed as of the full hour, so that a link stays the same for a while and answers with it are cached.
      const nowMs = Math.floor(clock.now() / linkHourMs) * linkHourMs
      const keys = credentials.current()
      // A link is good for no longer than the keys it is signed with.
      const endMs = Math.min(expiresAtMs, keys.expiresAtMs ?? Number.POSITIVE_INFINITY) + clock.aheadMs()
      const seconds = Math.min(linkSecondsMax, Math.floor((endMs - nowMs) / 1000))
      // To a browser the store is another origin, whose files it would show in place of the page that links to them.
      const query: Record<string, string> =
        saveAs === undefined ? {} : { 'response-content-disposition': `attachment; filename="${saveAs}"` }
      const path = signedPath(
        {
          ...{ method: 'GET', query, host: to.host, region: s3.region, path: to.path(key) },
          ...{ credentials: keys, nowMs },
        },
        seconds,
      )
      return to.origin + path
    },
    async [Symbol.asyncDispose]() {
      await credentials[Symbol.asyncDispose]()
      await pool.close()
    },
  }
}

/** Source: Amazon S3 API reference, RequestTimeTooSkewed, which is from a quarter of an hour on. */
const skewMinMs = 5 * 60_000

/** What is signed has to bear the store's time: where it refuses ours, its own is taken. */
function storesClock() {
  let aheadMs = 0
  return {
    now: () => systemClock.now() + aheadMs,
    aheadMs: () => aheadMs,
    /** @returns whether its time is another than was known */
    isMovedBy({ headers }: Pick<S3Answer, 'headers'>): boolean {
      const givenMs = Date.parse(headers.date ?? '') - systemClock.now()
      if (Number.isNaN(givenMs) || Math.abs(givenMs - aheadMs) < skewMinMs) return false
      aheadMs = givenMs
      log.warn('the clocks of this machine and of the object store differ', {
        seconds: Math.round(aheadMs / 1000),
      })
      return true
    },
  }
}

function addressOf({ bucket, style }: S3Url, endpoint: string) {
  const { protocol, host } = new URL(endpoint)
  const ownHost = style === 'host' ? `${bucket}.${host}` : host
  const base = style === 'host' ? '' : `/${encodePath(bucket)}`
  const path = (key?: string) => (key === undefined ? base || '/' : `${base}/${encodePath(key)}`)
  return { origin: `${protocol}//${ownHost}`, host: ownHost, path }
}

const fullCodes = ['QuotaExceeded', 'XMinioStorageFull', 'InsufficientCapacity', 'NoSpaceLeft', 'StorageFull']
/** Lent keys that have ended are a bad request to S3. */
const lentCodes = ['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired']
const isOfKeys = ({ status, code }: Pick<S3Answer, 'status' | 'code'>) =>
  status === 403 || lentCodes.includes(code)
const keyCodes = ['KeyTooLongError', 'KeyTooLong', 'InvalidObjectName', 'ObjectParentIsFile']

/** @returns undefined for an answer that stands: done, or no such object */
function faultOf({ status, code }: S3Answer, { method, key }: S3Request): Error | undefined {
  if (status < 300 || status === 404 || status === 501) return undefined
  const said = `the object store answered ${status}${code && ` ${code}`}`
  if (status === 507 || fullCodes.includes(code))
    return new ObjectStoreFull(`no room to store ${key} (${said})`)
  if (keyCodes.includes(code)) return new InvalidKey(`the object key ${key} is not taken: ${said}`)
  if (isOfKeys({ status, code }))
    return new ObjectStoreRefused(`${said}: our credentials are not (or no longer) good for it`)
  return new ObjectStoreUnavailable(`${said} to ${method}`)
}

function unreachable(cause: unknown, origin: string): Error {
  if (cause instanceof ObjectStoreUnavailable) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  return new ObjectStoreUnavailable(`the object store at ${origin} cannot be reached: ${text}`, { cause })
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]))
}
