import { metadataEndpoint } from './instance-credentials.ts'
import type { WebIdentity } from './web-identity.ts'

export type S3Url = {
  /** Where we reach the store, without a slash at its end. */
  endpoint: string
  /** Where browsers do, if they may. */
  publicEndpoint: string | undefined
  bucket: string
  region: string
  /** `path`: the bucket is the first part of the path; `host`: of the host. */
  style: 'path' | 'host'
  credentials:
    | { kind: 'given'; accessKey: string; secretKey: string }
    | { kind: 'file'; path: string }
    | { kind: 'instance'; endpoint: string }
    | ({ kind: 'web-identity' } & WebIdentity)
  /** Headers that ask the store to encrypt what it is given. */
  encryption: Readonly<Record<string, string>>
  /** Who tells of new objects: whoever puts them, or the bucket's own notifications. */
  announce: 'put' | 'bucket'
}

const parameters = [
  ...['region', 'style', 'tls', 'credentials', 'public', 'sse', 'sse-key', 'announce'],
  ...['role', 'token', 'sts', 'metadata'],
]

/**
 * Reads `s3://key:secret@host:port/bucket?region=…`. Parameters: `style=path|host`, `tls=on|off`, `credentials=FILE` in the
 * form of AWS instead of a key in the URL, `credentials=instance` for the machine's own, `credentials=web-identity` with `role`
 * and `token=FILE` for a role's, `public=https://…` where browsers reach the store, `sse=AES256|aws:kms` with
 * `sse-key`, `announce=put|bucket`.
 * @throws TypeError saying what is wrong, without the key
 */
export function parseS3Url(url: string): S3Url {
  const match = /^s3:\/\/(?:([^@/?]*)@)?([^/?@\s]+)\/([^/?\s]+)\/?(?:\?(.*))?$/.exec(url)
  if (match === null)
    throw new TypeError('an S3 URL should look like s3://key:secret@host:port/bucket?region=…')
  const [, given, host = '', bucket = '', query = ''] = match
  const asked = new URLSearchParams(query)
  for (const name of asked.keys())
    if (!parameters.includes(name))
      throw new TypeError(`an S3 URL has no parameter "${name}"; there are ${parameters.join(', ')}`)
  const publicEndpoint = asked.get('public')?.replace(/\/+$/, '')
  if (publicEndpoint !== undefined && !/^https?:\/\/[^/]+$/.test(publicEndpoint))
    throw new TypeError(
      `public in the S3 URL is "${publicEndpoint}"; it should be like https://objects.example.org`,
    )
  const scheme = oneOf(asked, 'tls', ['on', 'off']) === 'on' ? 'https' : 'http'
  return {
    endpoint: `${scheme}://${host}`,
    publicEndpoint,
    bucket: decodeURIComponent(bucket),
    region: asked.get('region') ?? 'us-east-1',
    style: oneOf(asked, 'style', ['path', 'host']),
    credentials: credentialsOf(given, asked),
    encryption: encryptionOf(asked),
    announce: oneOf(asked, 'announce', ['put', 'bucket']),
  }
}

function credentialsOf(given: string | undefined, asked: URLSearchParams): S3Url['credentials'] {
  const from = asked.get('credentials')
  if (from === 'instance')
    return { kind: 'instance', endpoint: asked.get('metadata')?.replace(/\/+$/, '') ?? metadataEndpoint }
  if (from === 'web-identity') return webIdentityOf(asked)
  if (from !== null) return { kind: 'file', path: from }
  const at = given?.indexOf(':') ?? -1
  if (given === undefined || at < 1)
    throw new TypeError(
      'an S3 URL needs credentials: s3://key:secret@…, credentials=FILE, credentials=instance or credentials=web-identity',
    )
  const [accessKey, secretKey] = [given.slice(0, at), given.slice(at + 1)].map(decodeURIComponent)
  return { kind: 'given', accessKey: accessKey ?? '', secretKey: secretKey ?? '' }
}

function webIdentityOf(asked: URLSearchParams): S3Url['credentials'] {
  const [role, tokenPath] = [asked.get('role'), asked.get('token')]
  if (!role || !tokenPath)
    throw new TypeError('credentials=web-identity in the S3 URL needs role=ARN and token=FILE')
  const sts = asked.get('sts') ?? `https://sts.${asked.get('region') ?? 'us-east-1'}.amazonaws.com`
  if (!/^https?:\/\/[^/]+\/?$/.test(sts))
    throw new TypeError(`sts in the S3 URL is "${sts}"; it should be like https://sts.example.org`)
  return { kind: 'web-identity', role, tokenPath, sts }
}

function encryptionOf(asked: URLSearchParams): Record<string, string> {
  const sse = asked.get('sse')
  if (sse === null) return {}
  if (!['AES256', 'aws:kms'].includes(sse))
    throw new TypeError(`sse in the S3 URL is "${sse}"; it should be AES256 or aws:kms`)
  const key = asked.get('sse-key')
  return {
    'x-amz-server-side-encryption': sse,
    ...(key !== null && { 'x-amz-server-side-encryption-aws-kms-key-id': key }),
  }
}

function oneOf<T extends string>(asked: URLSearchParams, name: string, allowed: readonly [T, ...T[]]): T {
  const text = asked.get(name) ?? allowed[0]
  const found = allowed.find((each) => each === text)
  if (found === undefined)
    throw new TypeError(`${name} in the S3 URL is "${text}"; it should be ${allowed.join(' or ')}`)
  return found
}
