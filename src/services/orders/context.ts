import type { KeyObject } from 'node:crypto'
import type { Config } from '#config'
import type { WatchedQueues } from '#ports/broker'
import type { Clock } from '#ports/clock'
import type { Database, Reads } from '#ports/database'
import type { ServiceClient } from '#ports/http'
import type { ObjectStore } from '#ports/object-store'
import type { Payment } from '#ports/payment'
import type { Gathered } from './gathered.ts'

/** What the use cases of orders share. */
export type Context = {
  config: Config
  clock: Clock
  /** OrderDb's primary. */
  database: Database
  /** For display alone: of a replica, where there is one that shows enough. */
  reads: Reads
  client: ServiceClient
  /** What sagas ask, many at a time. */
  gathered: Gathered
  objects: ObjectStore
  payment: Payment
  /** Signs voucher codes. */
  voucherKey: KeyObject
  /** Those that this service takes from. */
  queues: WatchedQueues
  /** Call after a commit that wrote to the outbox: its news goes out at once, instead of within a second. */
  newsDue(): void
  /** Call after a saga became due. */
  sagaDue(): void
}
