import { adapterFor } from '#kernel/adapters'
import type { Broker, BrokerOptions } from './broker.ts'
import { metered } from './metered.ts'

type Open = (url: string, options: BrokerOptions) => Promise<Broker>

const postgres: Open = async (...opened) =>
  (await import('./postgres/broker.ts')).openPostgresBroker(...opened)
const memory: Open = async (...opened) => (await import('./memory.ts')).openMemoryBroker(...opened)
const rabbit: Open = async (...opened) => (await import('./rabbitmq/broker.ts')).openRabbitBroker(...opened)

/** By the URL's scheme. */
export const brokerAdapters: Readonly<Record<string, Open>> = {
  ...{ postgres, postgresql: postgres },
  ...{ amqp: rabbit, amqps: rabbit },
  memory,
}

/** @throws TypeError naming the schemes that exist when the URL has another one */
export async function openBroker(url: string, options: BrokerOptions): Promise<Broker> {
  return metered(await adapterFor(url, 'broker', brokerAdapters)(url, options), url.split(':', 1)[0] ?? '')
}

export {
  attemptsMax,
  type Broker,
  BrokerBusy,
  type BrokerOptions,
  BrokerUnavailable,
  type DeadLetter,
  type DeadLetterFate,
  type Handler,
  inFlightMax,
  type Message,
  MessageTooLarge,
  MessageUnusable,
  messageBytesMax,
  type NewMessage,
  waitingMax,
} from './broker.ts'
export { type WatchedQueues, watchQueues } from './queue-states.ts'
export { subscribeSoon } from './subscribe-soon.ts'
