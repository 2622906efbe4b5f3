import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mariadb'
import { bucketNotifiedTopic } from '#services/vouchers'
import type { TestScope } from '../../test/support/database.ts'
import {
  layMariadb,
  type MariadbServer,
  mariadbMissing,
  startMariadb,
} from '../../test/support/mariadb-server.ts'
import { askApi, type RabbitServer, rabbitMissing, startRabbit } from '../../test/support/rabbitmq.ts'
import { type RedisServer, redisMissing, startRedis } from '../../test/support/redis.ts'
import { type S3Server, s3Missing, startS3In } from '../../test/support/s3.ts'

/** The parts of a production store, as plain processes; PostgreSQL for OrderDb is brought by the store itself. */
export type RealParts = {
  rabbit: RabbitServer
  s3: S3Server
  redis: RedisServer
  mariadb: RealMariadb
  /** The settings that put a store on them. */
  env: Record<string, string>
  /** What each is and where, for people. */
  addresses: Record<string, string>
}

/** A MariaDB server that can die and come back. */
export type RealMariadb = {
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Starts it again, with what it had. */
  start(): Promise<void>
}

/** @returns what has to be installed before parts can start, in words */
export const partsMissing = () =>
  [rabbitMissing(), s3Missing(), redisMissing(), mariadbMissing()].filter((each) => each !== false)

/**
 * Starts RabbitMQ, an S3 server whose bucket tells RabbitMQ of new objects, Redis and MariaDB. They end with the scope, last
 * started first.
 * @param folder keeps what they have
 * @param notifiedTopic what the bucket tells of new objects under; the store listens to the usual one
 */
export async function startRealParts(
  scope: TestScope,
  folder: string,
  notifiedTopic: string = bucketNotifiedTopic,
): Promise<RealParts> {
  for (const name of ['rabbitmq', 's3']) mkdirSync(join(folder, name), { recursive: true })
  const rabbit = await startRabbit(scope, join(folder, 'rabbitmq'))
  const broker = `amqp://guest:guest@127.0.0.1:${rabbit.port}`
  // The S3 server publishes from its start on, when no process of the store has declared anything yet.
  await askApi(rabbit.api, 'PUT', '/exchanges/%2F/octavo', { type: 'direct', durable: true })
  const events = [
    ...['--event-rabbitmq-url', `${broker}/`, '--event-rabbitmq-exchange', 'octavo'],
    ...['--event-rabbitmq-routing-key', notifiedTopic],
  ]
  const s3 = await startS3In(scope, join(folder, 's3'), events)
  const redis = await startRedis(scope, '--maxmemory', '256mb', '--maxmemory-policy', 'allkeys-lru')
  const { mariadb, url, socket } = await startBookDb(scope, join(folder, 'mariadb'))
  return {
    ...{ rabbit, s3, redis, mariadb },
    env: {
      OCTAVO_BOOK_DB: url,
      OCTAVO_BROKER: broker,
      OCTAVO_OBJECT_STORE: s3.bucket('vouchers', `&announce=bucket&public=http://127.0.0.1:${s3.port}`),
      OCTAVO_CACHE: `redis://127.0.0.1:${redis.port}`,
    },
    addresses: {
      MariaDB: `database books, socket ${socket}`,
      RabbitMQ: `amqp://127.0.0.1:${rabbit.port}, management ${new URL('/', rabbit.api)} (guest, guest)`,
      S3: `http://127.0.0.1:${s3.port}, bucket vouchers`,
      Redis: `redis://127.0.0.1:${redis.port}`,
    },
  }
}

async function startBookDb(scope: TestScope, path: string) {
  if (!existsSync(join(path, 'data'))) layMariadb(path)
  let server: MariadbServer = await startMariadb(path)
  scope.after(() => server.stop())
  const socket = join(path, 's')
  const admin = await createConnection({ socketPath: socket, user: 'root' })
  await admin.query('CREATE DATABASE IF NOT EXISTS books CHARACTER SET utf8mb4 COLLATE utf8mb4_bin')
  await admin.end()
  const mariadb: RealMariadb = {
    kill: () => server.stop(0),
    freeze: () => void process.kill(server.pid, 'SIGSTOP'),
    thaw: () => void process.kill(server.pid, 'SIGCONT'),
    async start() {
      server = await startMariadb(path)
    },
  }
  return { mariadb, url: server.url('books'), socket }
}
