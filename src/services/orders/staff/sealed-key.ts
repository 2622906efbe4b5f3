import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { secretLines, signingSecret } from '#kernel/shared-secret'

/**
 * Keeps keys in the database that whoever has the database alone cannot read: AES-256-GCM, bound to their account, with
 * a key made of the secret that all processes share. What an older line of it has sealed can be opened while that stands.
 */
export type KeySeal = {
  seal(key: Uint8Array, account: string): Buffer
  /** @returns undefined where no line of the secret opens it */
  open(sealed: Uint8Array, account: string): Opened | undefined
}
/** `isOld` where another line than the first has sealed it. */
export type Opened = { key: Buffer; isOld: boolean }

const cipherName = 'aes-256-gcm'
const [nonceBytes, tagBytes] = [12, 16]

export function keySeal(secret: string): KeySeal {
  const keys = secretLines(secret).map(keyOf)
  const first = keyOf(signingSecret(secret))
  return {
    seal(key, account) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv(cipherName, first, nonce).setAAD(Buffer.from(account))
      return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
    },
    open(sealed, account) {
      for (const [i, key] of keys.entries()) {
        const opened = openWith(key, sealed, account)
        if (opened !== undefined) return { key: opened, isOld: i > 0 }
      }
      return undefined
    },
  }
}

function openWith(key: Buffer, sealed: Uint8Array, account: string): Buffer | undefined {
  const decipher = createDecipheriv(cipherName, key, sealed.subarray(0, nonceBytes))
  decipher.setAAD(Buffer.from(account)).setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
  } catch {
    // Sealed with another key, or for another account: whoever asked is told that it does not open.
    return undefined
  }
}

const keyOf = (secret: string) => Buffer.from(hkdfSync('sha256', secret, '', 'octavo second factor', 32))
