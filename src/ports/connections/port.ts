import { createRequire } from 'node:module'
import type { Dispatcher } from 'undici'

type Undici = typeof import('undici')

const require = createRequire(import.meta.url)
const dispatchers = 'undici/lib/dispatcher'
const { prototype } = require(`${dispatchers}/dispatcher.js`) as { prototype: object }

// The parts of undici that this project uses, loaded by themselves: all of it, with fetch, caches, mocks and web sockets, is
// a tenth of the time that a role takes to start, and of its memory.
Object.assign(prototype, { request: require('undici/lib/api/api-request.js') })

/** Connections to whatever places requests go to. */
export const Agent = require(`${dispatchers}/agent.js`) as Undici['Agent']
export type Agent = InstanceType<typeof Agent>

/** Connections to one place. */
export const Pool = require(`${dispatchers}/pool.js`) as Undici['Pool']
export type Pool = InstanceType<typeof Pool>

export type { Dispatcher }

type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  method?: Dispatcher.HttpMethod
  /** Whose connections are used: those of everybody who names none otherwise. */
  dispatcher?: Dispatcher
}

const everybodys = new Agent()

/**
 * Sends a request and reads the head of its answer, whose body has to be read or dumped.
 * @throws Error with undici's `code` when there is no answer
 */
export function request(
  address: string | URL,
  { dispatcher = everybodys, method = 'GET', ...options }: RequestOptions = {},
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(address)
  return dispatcher.request({ ...options, origin, path: pathname + search, method })
}
