import type { Secrets } from '#config'
import { openDatabase } from '#ports/database'
import { openObjectStore } from '#ports/object-store'
import { type Loaded, load } from './load/load.ts'
import type { Loading } from './load/loading.ts'

export type WarehouseSecrets = Secrets<'bookDb' | 'orderDb' | 'objectStore' | 'secret'>

/** Opens what a load needs, loads, and closes it again. @throws what `load` throws */
export async function loadWarehouse(
  secrets: WarehouseSecrets,
  options: Pick<Loading, 'root' | 'whole' | 'keepMs' | 'memoryMb' | 'onPoint' | 'fence'>,
): Promise<Loaded> {
  const opened = { applicationName: 'warehouse', connectionsMax: 2, statementTimeoutMs: 120_000 }
  await using orderDb = await openDatabase(secrets.orderDb, opened)
  await using bookDb = await openDatabase(secrets.bookDb, opened)
  await using objects = await openObjectStore(secrets.objectStore, { secret: secrets.secret })
  return await load({ orderDb, bookDb, objects, secret: secrets.secret, ...options })
}
