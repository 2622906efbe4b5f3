import { codeOf } from '#kernel/one-time-code'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** What an authenticator app shows for a secret that was typed in, so many half minutes from now. */
export function codeShown(secret: string, stepsFromNow = 0): string {
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from((bits.match(/[01]{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  return codeOf(key, Math.floor(Date.now() / 30_000) + stepsFromNow)
}
