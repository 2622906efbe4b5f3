import { randomUUID } from 'node:crypto'
import { askOnce } from '#ports/postgres'
import { type TestScope, testDatabase } from './database.ts'
import { rabbitMissing, testVhost } from './rabbitmq.ts'

/** What a test has to know of an adapter's broker. */
export type BrokerServer = {
  url: (t: TestScope) => Promise<string>
  /** Cuts every connection the brokers have. */
  disturb: (url: string) => Promise<void>
  /** Why there is none here. */
  missing?: string | false
}

const postgres: BrokerServer = {
  url: async (t) => (await testDatabase(t, 'broker')).url,
  disturb: async (url) => {
    const others = 'pid <> pg_backend_pid() AND datname = current_database()'
    await askOnce(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`, 30_000)
  },
}
const memory: BrokerServer = { url: async () => `memory:${randomUUID()}`, disturb: async () => undefined }
const cuts = new Map<string, () => void>()
const rabbit: BrokerServer = {
  missing: rabbitMissing(),
  url: async (t) => {
    const { url, cut } = await testVhost(t)
    cuts.set(url, cut)
    return url
  },
  disturb: async (url) => cuts.get(url)?.(),
}

/** By the scheme of the adapter. */
export const servers: Readonly<Record<string, BrokerServer>> = {
  ...{ postgres, postgresql: postgres },
  ...{ amqp: rabbit, amqps: rabbit },
  memory,
}
/** Each once, by its name. */
export const once: Readonly<Record<string, BrokerServer>> = { postgres, rabbit, memory }
