import { createHmac } from 'node:crypto'
import { signingSecret } from '#kernel/shared-secret'

/** Names that say who is the same and not who it is: only whoever has the store's secret could try addresses. */
export type Pseudonyms = { of(kind: 'customer' | 'staff' | 'voucher', text: string): string }

export function createPseudonyms(secret: string): Pseudonyms {
  const key = keyOf(secret)
  const known = new Map<string, string>()
  const knownMax = 100_000
  return {
    of(kind, text) {
      const name = `${kind} ${text}`
      const found = known.get(name)
      if (found !== undefined) return found
      const made = createHmac('sha256', key).update(name).digest('hex').slice(0, 20)
      if (known.size >= knownMax) known.clear()
      if (kind !== 'voucher') known.set(name, made)
      return made
    },
  }
}

/** Says which key pseudonyms were made with, and nothing of the key: with another one all of them are others. */
export const pseudonymKeyId = (secret: string): string =>
  createHmac('sha256', keyOf(secret)).update('which key').digest('hex').slice(0, 12)

const keyOf = (secret: string) =>
  createHmac('sha256', signingSecret(secret)).update('octavo warehouse pseudonyms').digest()
