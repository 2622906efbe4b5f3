import type { TestScope } from '../support/database.ts'
import { startStore } from '../support/whole-store.ts'
import { createClient } from './client.ts'
import { readOpenApi } from './open-api.ts'
import { logIn, type Shop } from './shop.ts'

/** A store, a client that checks its answers, and a session. All of it ends with `scope`. */
export async function openShop(scope: TestScope, env: Record<string, string> = {}): Promise<Shop> {
  const store = await startStore(scope, 'off', env)
  const client = createClient(store.url, await readOpenApi(store.url))
  return { ...client, store, staff: await logIn(client, store.staff) }
}
