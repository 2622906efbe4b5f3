import { request } from '#ports/connections'
import { ObjectStoreUnavailable } from '../object-store.ts'
import type { LentCredentials } from './signature.ts'

/** Where a cloud's machines find what is theirs; only reached from the machine itself. */
export const metadataEndpoint = 'http://169.254.169.254'

const answerWithinMs = 2_000
const tokenSeconds = 300
const rolesPath = '/latest/meta-data/iam/security-credentials/'

/**
 * The keys of the machine's role, from its metadata service in its second version: a token first, which a request that was
 * tricked out of the program cannot get. Source: Amazon EC2 user guide, "Use the Instance Metadata Service".
 * @throws ObjectStoreUnavailable saying what was missing
 */
export async function fetchInstanceCredentials(endpoint: string): Promise<LentCredentials> {
  const token = await ask(endpoint, 'PUT', '/latest/api/token', {
    'x-aws-ec2-metadata-token-ttl-seconds': String(tokenSeconds),
  })
  const as = { 'x-aws-ec2-metadata-token': token }
  const role = (await ask(endpoint, 'GET', rolesPath, as)).split('\n')[0]?.trim() ?? ''
  if (role === '') throw new ObjectStoreUnavailable('this machine has no role that lends credentials')
  return readLent(await ask(endpoint, 'GET', rolesPath + encodeURIComponent(role), as))
}

async function ask(
  endpoint: string,
  method: 'GET' | 'PUT',
  path: string,
  headers: Record<string, string>,
): Promise<string> {
  try {
    const answer = await request(endpoint + path, {
      method,
      headers,
      signal: AbortSignal.timeout(answerWithinMs),
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`it answered ${answer.statusCode} to ${path}`)
    return text
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ObjectStoreUnavailable(`the machine's metadata service lends no credentials: ${why}`, { cause })
  }
}

/** Not every store that lends keys binds them to a session. */
export const sessionOf = (token: unknown) =>
  typeof token === 'string' && token !== '' ? { sessionToken: token } : {}

/** @throws ObjectStoreUnavailable, without the text, which may hold a key */
function readLent(text: string): LentCredentials {
  const wrong = () => new ObjectStoreUnavailable('the machine’s credentials cannot be read')
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch (cause) {
    throw new ObjectStoreUnavailable(wrong().message, { cause })
  }
  const {
    AccessKeyId: accessKey,
    SecretAccessKey: secretKey,
    Token: sessionToken,
    Expiration: expires,
  } = (read ?? {}) as Record<string, unknown>
  const expiresAtMs = Date.parse(String(expires))
  if (typeof accessKey !== 'string' || typeof secretKey !== 'string' || Number.isNaN(expiresAtMs))
    throw wrong()
  return { accessKey, secretKey, expiresAtMs, ...sessionOf(sessionToken) }
}
