import { type CallSigner, callChecker as checkerOf, callSigner as signerOf } from '#kernel/signed-calls'
import { logger } from '#ports/log'

const log = logger('calls')
const complainEverySeconds = 60
const wallSeconds = () => Math.floor(Date.now() / 1000)

/** Signs calls by the clock of this machine. */
export const callSigner = (secret: string, nowSeconds = wallSeconds): CallSigner =>
  signerOf(secret, nowSeconds)

/** Checks calls of a role's door by the clock of this machine, and says so when another's differs. */
export function callChecker(secret: string, role: string) {
  let complainedSeconds = Number.NEGATIVE_INFINITY
  const onAged = (seconds: number) => {
    if (wallSeconds() - complainedSeconds < complainEverySeconds) return
    complainedSeconds = wallSeconds()
    log.warn('a call was refused because of its age: do the clocks differ?', { seconds })
  }
  return checkerOf(secret, { role, nowSeconds: wallSeconds, onAged })
}
