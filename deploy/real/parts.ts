import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mariadb'
import { openStore } from '../../src/services/catalog/store/open-store.ts'
import type { TestScope } from '../../test/support/database.ts'
import { layMariadb, mariadbMissing, startMariadb } from '../../test/support/mariadb-server.ts'
import { askApi, type RabbitServer, rabbitMissing, startRabbit } from '../../test/support/rabbitmq.ts'
import { type RedisServer, redisMissing, startRedis } from '../../test/support/redis.ts'
import { type S3Server, s3Missing, startS3In } from '../../test/support/s3.ts'

/** The parts of a production store, as plain processes; PostgreSQL is brought by the store itself. */
export type RealParts = {
  rabbit: RabbitServer
  s3: S3Server
  redis: RedisServer
  /** The settings that put a store on them. */
  env: Record<string, string>
}

/** @returns what has to be installed before parts can start, in words */
export const partsMissing = () =>
  [rabbitMissing(), s3Missing(), redisMissing()].filter((each) => each !== false)

/**
 * Starts RabbitMQ, an S3 server whose bucket tells RabbitMQ of new objects, Redis and, once books can be kept there,
 * MariaDB. They end with the scope, last started first.
 * @param folder keeps what they have
 */
export async function startRealParts(scope: TestScope, folder: string): Promise<RealParts> {
  for (const name of ['rabbitmq', 's3']) mkdirSync(join(folder, name), { recursive: true })
  const rabbit = await startRabbit(scope, join(folder, 'rabbitmq'))
  const broker = `amqp://guest:guest@127.0.0.1:${rabbit.port}`
  // The S3 server publishes from its start on, when no process of the store has declared anything yet.
  await askApi(rabbit.api, 'PUT', '/exchanges/%2F/octavo', { type: 'direct', durable: true })
  const events = [
    ...['--event-rabbitmq-url', `${broker}/`, '--event-rabbitmq-exchange', 'octavo'],
    ...['--event-rabbitmq-routing-key', 'bucket.notified'],
  ]
  const s3 = await startS3In(scope, join(folder, 's3'), events)
  const redis = await startRedis(scope)
  const objects = s3.bucket('vouchers', `&announce=bucket&public=http://127.0.0.1:${s3.port}`)
  return {
    ...{ rabbit, s3, redis },
    env: {
      OCTAVO_BROKER: broker,
      OCTAVO_OBJECT_STORE: objects,
      OCTAVO_CACHE: `redis://127.0.0.1:${redis.port}`,
      ...(await bookDb(scope, join(folder, 'mariadb'))),
    },
  }
}

/** BookDb is on PostgreSQL until its store has a dialect for MariaDB. */
async function bookDb(scope: TestScope, path: string): Promise<Record<string, string>> {
  if (mariadbMissing() !== false || !(await takesMariadb())) return {}
  if (!existsSync(join(path, 'data'))) layMariadb(path)
  const server = await startMariadb(path)
  scope.after(() => server.stop())
  const admin = await createConnection({ socketPath: join(path, 's'), user: 'root' })
  await admin.query('CREATE DATABASE IF NOT EXISTS books CHARACTER SET utf8mb4 COLLATE utf8mb4_bin')
  await admin.end()
  return { OCTAVO_BOOK_DB: server.url('books') }
}

async function takesMariadb(): Promise<boolean> {
  try {
    const store = await openStore('mariadb://nobody@localhost/none', { applicationName: 'asked' })
    await store[Symbol.asyncDispose]()
    return true
  } catch {
    // It has no such dialect yet.
    return false
  }
}
