import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '#ports/database'
import { testDatabase } from '../../../test/support/database.ts'
import { mariadbSkipped, testMariadb } from '../../../test/support/mariadb.ts'
import { testTurns } from '../../../test/support/turn-suite.ts'
import { makeTurnTables } from '../../../test/support/turn-tables.ts'
import { advanceFence, holdFence, LostFence, takeFence } from './port.ts'

const registry = 'registry://127.0.0.1'
testTurns('postgres', async (t) => ({
  discoveryUrl: registry,
  databaseUrl: (await testDatabase(t, 'turns')).url,
}))
testTurns(
  'mariadb',
  async (t) => ({ discoveryUrl: registry, databaseUrl: (await testMariadb(t, 'turns')).url }),
  mariadbSkipped,
)

for (const [kind, make, skip] of [
  ['postgres', testDatabase, false],
  ['mariadb', testMariadb, mariadbSkipped],
] as const)
  test(`${kind}: a turn finds what the one before has noted, and that one can note nothing more`, {
    skip,
  }, async (t) => {
    const { url } = await make(t, 'turns')
    await using database = await openDatabase(url, { applicationName: 'test', connectionsMax: 2 })
    const schema = await makeTurnTables(database)
    const first = await takeFence(database, schema, 'walk', 'first')
    assert.deepEqual([first.number, first.place], [1, ''])
    await database.transaction((tx) => advanceFence(tx, first, 'half-way'))
    const second = await takeFence(database, schema, 'walk', 'second')
    assert.deepEqual([second.number, second.place], [2, 'half-way'])
    await assert.rejects(
      database.transaction((tx) => advanceFence(tx, first, 'further')),
      LostFence,
    )
    await assert.rejects(
      database.transaction((tx) => holdFence(tx, first)),
      LostFence,
    )
    await database.transaction((tx) => holdFence(tx, second))
    assert.equal((await takeFence(database, schema, 'walk', 'third')).place, 'half-way')
  })
