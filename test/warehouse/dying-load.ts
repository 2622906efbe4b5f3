import type { Loading, LoadPoint } from '../../src/services/warehouse/load/loading.ts'
import { loadWarehouse } from '../../src/services/warehouse/service.ts'

// `node dying-load.ts POINT [SIGNAL]`: a load that is killed, or sent a signal, when it comes to a point. Where it is comes
// from its environment.
const [point, signal = 'SIGKILL'] = process.argv.slice(2)
const {
  BOOK_DB: bookDb = '',
  ORDER_DB: orderDb = '',
  OBJECTS: objectStore = '',
  SECRET: secret = '',
} = process.env
const onPoint: Loading['onPoint'] = async (reached: LoadPoint) => {
  if (reached === point) process.kill(process.pid, signal)
}
const loaded = await loadWarehouse(
  { bookDb, orderDb, objectStore, secret },
  { root: process.env.ROOT ?? '', keepMs: 0, onPoint },
)
console.log(JSON.stringify(loaded))
