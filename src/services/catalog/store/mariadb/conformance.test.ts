import { test } from 'node:test'
import { mariadbSkipped, testMariadb } from '../../../../../test/support/mariadb.ts'
import { openStore } from '../open-store.ts'
import { testCatalogStore } from '../suite/store-suite.ts'

if (mariadbSkipped) test('mariadb', { skip: mariadbSkipped }, () => undefined)
else
  testCatalogStore('mariadb', async (t) => {
    const { url } = await testMariadb(t, 'store')
    return { open: (lockTimeoutMs) => openStore(url, { applicationName: 'suite', lockTimeoutMs }) }
  })
