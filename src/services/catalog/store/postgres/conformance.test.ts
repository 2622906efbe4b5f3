import { testDatabase } from '../../../../../test/support/database.ts'
import { openStore } from '../open-store.ts'
import { testCatalogStore } from '../suite/store-suite.ts'

testCatalogStore('postgres', async (t, laid) => {
  const { url } = await testDatabase(t, 'store', laid)
  return { open: (lockTimeoutMs) => openStore(url, { applicationName: 'suite', lockTimeoutMs }) }
})
