import { readFileSync } from 'node:fs'
import { type Clock, every, systemClock } from '#ports/clock'
import { logger } from '#ports/log'
import { ObjectStoreUnavailable } from '../object-store.ts'
import { fetchInstanceCredentials } from './instance-credentials.ts'
import type { Credentials, LentCredentials } from './signature.ts'
import type { S3Url } from './url.ts'
import { fetchWebIdentityCredentials } from './web-identity.ts'

const log = logger('object-store')

export type CredentialSource = AsyncDisposable & {
  /** Those to sign with now, and how long they are good. @throws ObjectStoreUnavailable when there are none */
  current(): Credentials & { expiresAtMs?: number }
  /** Looks again. @returns whether there are others than before */
  renew(): Promise<boolean>
}

/** Lent keys are replaced so long before their end, which no request may outlive. */
const renewBeforeMs = 10 * 60_000
const lookEveryMs = 30_000
/** A process that starts waits for its first keys this often before it goes on without. */
const firstAttempts = 3

/** @returns a source that has keys already, where there are any */
export async function openCredentials(
  from: S3Url['credentials'],
  clock: Clock = systemClock,
): Promise<CredentialSource> {
  switch (from.kind) {
    case 'given':
      return { current: () => from, renew: async () => false, async [Symbol.asyncDispose]() {} }
    case 'file':
      return fromFile(from.path)
    case 'instance':
      return await lent(clock, 'the instance', () => fetchInstanceCredentials(from.endpoint))
    case 'web-identity':
      return await lent(clock, `the role ${from.role}`, () => fetchWebIdentityCredentials(from))
  }
}

function fromFile(path: string): CredentialSource {
  let known: Credentials | undefined
  const read = () => {
    known = readCredentials(path)
    return known
  }
  return {
    current: () => known ?? read(),
    async renew() {
      const before = JSON.stringify(known)
      return JSON.stringify(read()) !== before
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Keys are fetched before they are needed, because links are signed without waiting. */
async function lent(
  clock: Clock,
  by: string,
  fetchThem: () => Promise<LentCredentials>,
): Promise<CredentialSource> {
  let known: LentCredentials | undefined
  let fetching: Promise<void> | undefined
  const fetchOnce = () => {
    fetching ??= fetchThem()
      .then((fetched) => {
        known = fetched
      })
      .finally(() => {
        fetching = undefined
      })
    return fetching
  }
  const renew = async () => {
    const before = JSON.stringify(known)
    await fetchOnce()
    return JSON.stringify(known) !== before
  }
  const keepFresh = async () => {
    if (known !== undefined && known.expiresAtMs - clock.now() > renewBeforeMs) return
    await fetchOnce().catch((error: unknown) =>
      log.warn('no new credentials for the object store', { by, error }),
    )
  }
  for (let attempt = 0; known === undefined && attempt < firstAttempts; attempt++) await keepFresh()
  const keeping = every(clock, lookEveryMs, keepFresh)
  return {
    current() {
      if (known === undefined || known.expiresAtMs <= clock.now())
        throw new ObjectStoreUnavailable(`${by} lends no credentials for the object store`)
      return known
    },
    renew,
    [Symbol.asyncDispose]: () => keeping[Symbol.asyncDispose](),
  }
}

/** The first profile of a file like `~/.aws/credentials`. */
function readCredentials(path: string): Credentials {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ObjectStoreUnavailable(`the object store's credentials cannot be read: ${path}`, { cause })
  }
  const value = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1]
  const [accessKey, secretKey] = [value('aws_access_key_id'), value('aws_secret_access_key')]
  const sessionToken = value('aws_session_token')
  if (accessKey === undefined || secretKey === undefined)
    throw new ObjectStoreUnavailable(
      `${path} holds no aws_access_key_id and aws_secret_access_key for the object store`,
    )
  return { accessKey, secretKey, ...(sessionToken !== undefined && { sessionToken }) }
}
