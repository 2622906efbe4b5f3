import { readFileSync } from 'node:fs'
import { request } from '#ports/connections'
import { ObjectStoreUnavailable } from '../object-store.ts'
import { sessionOf } from './instance-credentials.ts'
import type { LentCredentials } from './signature.ts'
import { textOf } from './xml.ts'

const answerWithinMs = 5_000
const lentSeconds = 3_600
const sessionName = 'octavo'

export type WebIdentity = {
  /** The service that lends keys, such as https://sts.eu-central-1.amazonaws.com. */
  sts: string
  role: string
  /** A file with the identity's token, which the cluster replaces. */
  tokenPath: string
}

/**
 * The keys of a role for whoever holds a token of an identity provider, as a pod's service account does. Source: AWS STS API
 * reference, AssumeRoleWithWebIdentity.
 * @throws ObjectStoreUnavailable saying what was refused
 */
export async function fetchWebIdentityCredentials({
  sts,
  role,
  tokenPath,
}: WebIdentity): Promise<LentCredentials> {
  const form = new URLSearchParams({
    ...{ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15' },
    ...{ RoleArn: role, RoleSessionName: sessionName, DurationSeconds: String(lentSeconds) },
    WebIdentityToken: readToken(tokenPath),
  })
  let [status, text] = [0, '']
  try {
    const answer = await request(sts, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      signal: AbortSignal.timeout(answerWithinMs),
    })
    status = answer.statusCode
    text = await answer.body.text()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ObjectStoreUnavailable(`${sts} lends no credentials: ${why}`, { cause })
  }
  const value = (name: string) => textOf(text, name)[0] ?? ''
  if (status !== 200)
    throw new ObjectStoreUnavailable(`${sts} lends no credentials for ${role}: ${status} ${value('Code')}`)
  const lent = {
    accessKey: value('AccessKeyId'),
    secretKey: value('SecretAccessKey'),
    ...sessionOf(value('SessionToken')),
    expiresAtMs: Date.parse(value('Expiration')),
  }
  if (lent.accessKey === '' || lent.secretKey === '' || Number.isNaN(lent.expiresAtMs))
    throw new ObjectStoreUnavailable(`what ${sts} lends for ${role} cannot be read`)
  return lent
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new ObjectStoreUnavailable(`the token of the web identity cannot be read: ${path}`, { cause })
  }
}
