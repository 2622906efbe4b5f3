import { openDatabase } from '#ports/database'
import { idAt } from '../../src/services/orders/old/partitions.ts'
import { noteOld, type PuttingPoint, putAway } from '../../src/services/orders/old/put-away.ts'

// `node dying-putting.ts POINT [torn]`: puts old orders away and is killed when it comes to a point. `torn` is a build
// whose moves are no transaction.
const [point, build] = process.argv.slice(2)
const database = await openDatabase(process.env.ORDER_DB ?? '', { applicationName: 'putting' })
const torn = { ...database, transaction: <T>(work: (tx: typeof database) => Promise<T>) => work(database) }
const reached = async (at: PuttingPoint) => {
  if (at === point) process.kill(process.pid, 'SIGKILL')
}
const old = { beforeId: idAt(Date.now()), restDays: 0 }
const ids = await noteOld(database, old, idAt(0), 1_000, reached)
await putAway(build === 'torn' ? (torn as typeof database) : database, ids, old.restDays, reached)
await reached('put-away')
