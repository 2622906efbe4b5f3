import { Problem, unavailable } from '#kernel/problem'
import type { RerouteReason } from './upstream.ts'

/** Answers of a service that cannot do its work just now. */
export const awayStatuses: ReadonlySet<number> = new Set([502, 503, 504])

export const busy = (service: string) =>
  unavailable(`The ${service} service has too much to do; try again in a moment.`)
export const late = (service: string) =>
  new Problem(504, 'timeout', `The ${service} service did not answer in time.`, {}, { 'retry-after': '1' })
export const notAllowed = () =>
  new Problem(400, 'bad-request', 'The request has a path or a header that is not allowed.')
export const tooSlow = () =>
  new Problem(408, 'request-timeout', 'The body took too long to arrive.', {}, { connection: 'close' })
export const cutOff = (service: string, seconds: number) =>
  unavailable(`No instance of the ${service} service is well just now; try again in a moment.`, seconds)

/** Nobody is left to ask. @param reason how the last attempt failed */
export function exhausted(service: string, reason: RerouteReason | undefined): Problem {
  if (reason === 'timeout') return late(service)
  if (reason === 'reset')
    return unavailable(`The ${service} service went away while it was answering; look before you try again.`)
  return unavailable(`The ${service} service cannot be reached just now.`)
}
