import { Problem, unavailable } from '#kernel/problem'

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
