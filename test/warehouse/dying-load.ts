import type { Loading, LoadPoint } from '../../src/services/warehouse/load/load.ts'
import { loadWarehouse } from '../../src/services/warehouse/service.ts'

// `node dying-load.ts POINT`: a load that is killed when it comes to a point. Where it is comes from its environment.
const [point] = process.argv.slice(2)
const {
  BOOK_DB: bookDb = '',
  ORDER_DB: orderDb = '',
  OBJECTS: objectStore = '',
  SECRET: secret = '',
} = process.env
const onPoint: Loading['onPoint'] = async (reached: LoadPoint) => {
  if (reached === point) process.kill(process.pid, 'SIGKILL')
}
const loaded = await loadWarehouse(
  { bookDb, orderDb, objectStore, secret },
  { root: process.env.ROOT ?? '', keepMs: 0, onPoint },
)
console.log(JSON.stringify(loaded))
