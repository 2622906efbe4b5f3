import { testDatabase } from '../../../../../test/support/database.ts'
import { testCatalogStore } from '../suite/store-suite.ts'
import { openStore } from './open.ts'

testCatalogStore('postgres', async (t, laid) => {
  const { url } = await testDatabase(t, 'store', laid)
  return { open: (lockTimeoutMs) => openStore(url, { applicationName: 'suite', lockTimeoutMs }) }
})
