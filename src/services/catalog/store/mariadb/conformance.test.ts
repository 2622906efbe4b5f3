import { test } from 'node:test'
import { mariadbSkipped, testMariadb } from '../../../../../test/support/mariadb.ts'
import { testCatalogStore } from '../suite/store-suite.ts'
import { openStore } from './open.ts'

if (mariadbSkipped) test('mariadb', { skip: mariadbSkipped }, () => undefined)
else
  testCatalogStore('mariadb', async (t) => {
    const { url } = await testMariadb(t, 'store')
    return { open: (lockTimeoutMs) => openStore(url, { applicationName: 'suite', lockTimeoutMs }) }
  })
