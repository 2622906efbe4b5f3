import { readFileSync } from 'node:fs'
import { ObjectStoreUnavailable } from '../object-store.ts'
import type { Credentials } from './signature.ts'
import type { S3Url } from './url.ts'

export type CredentialSource = {
  /** Those to sign with now. @throws ObjectStoreUnavailable when there are none */
  current(): Credentials
  /** Looks again. @returns whether there are others than before */
  renew(): boolean
}

export function openCredentials(from: S3Url['credentials']): CredentialSource {
  if (from.kind === 'given') return { current: () => from, renew: () => false }
  let known: Credentials | undefined
  const read = () => {
    known = readCredentials(from.path)
    return known
  }
  return {
    current: () => known ?? read(),
    renew() {
      const before = JSON.stringify(known)
      return JSON.stringify(read()) !== before
    },
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
