import { testDatabase } from '../../../../../test/support/database.ts'
import { testCatalogStore } from '../suite/store-suite.ts'
import { openStore } from './open.ts'

testCatalogStore('postgres', async (t) => {
  const { url } = await testDatabase(t, 'store')
  return { open: (lockTimeoutMs) => openStore(url, { applicationName: 'suite', lockTimeoutMs }) }
})
