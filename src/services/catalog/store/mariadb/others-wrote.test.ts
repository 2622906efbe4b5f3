import { test } from 'node:test'
import { createConnection } from 'mariadb'
import { mariadbSkipped, testMariadb } from '../../../../../test/support/mariadb.ts'
import { openStore } from '../open-store.ts'
import { testOthersNews } from '../suite/others-suite.ts'

if (mariadbSkipped) test('mariadb', { skip: mariadbSkipped }, () => undefined)
else
  testOthersNews('mariadb', async (t) => {
    const { url } = await testMariadb(t, 'others')
    const store = await openStore(url, { applicationName: 'test' })
    t.after(() => store[Symbol.asyncDispose]())
    await store.migrate()
    const { searchParams, pathname } = new URL(url)
    const connection = await createConnection({
      socketPath: searchParams.get('socket') ?? '',
      ...{ user: 'root', database: pathname.slice(1) },
    })
    t.after(() => connection.end())
    return { store, byHand: { namesBooks: false, execute: (sql) => connection.query(sql) } }
  })
