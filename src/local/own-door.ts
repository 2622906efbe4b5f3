import { type ClientRequest, get, Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { get as getByTls, Agent as TlsAgent } from 'node:https'

/** A connection to a process that was started here: its certificate is for readers, who come by a name of the store. */
const settings = { keepAlive: true, maxSockets: 1, rejectUnauthorized: false }

/** Asks a process of this store on this machine, by http or by https. */
export type OwnDoor = Disposable & {
  get(path: string, onAnswer: (response: IncomingMessage) => void): ClientRequest
}

/** @param url where the process listens */
export function ownDoor(url: string): OwnDoor {
  const isTls = url.startsWith('https:')
  const agent = isTls ? new TlsAgent(settings) : new HttpAgent(settings)
  return {
    get: (path, onAnswer) => (isTls ? getByTls : get)(url + path, { agent }, onAnswer),
    [Symbol.dispose]: () => agent.destroy(),
  }
}
