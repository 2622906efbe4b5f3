import { hash } from 'node:crypto'

/** SHA-256, hex. */
export const sha256 = (text: string) => hash('sha256', text, 'hex')

/** The first 16 bytes of SHA-256 in UUID form: short keys that PostgreSQL compares fast. */
export function hashAsUuid(text: string): string {
  const hex = sha256(text)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

/** What the log calls an account, so that its lines can be told apart and nobody's address is in them. */
export const nameInLog = (email: string): string => sha256(email.trim().toLowerCase()).slice(0, 12)
