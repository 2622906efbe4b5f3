import type { Fence } from '#ports/lease'
import type { Loaded } from '../load/load.ts'
import { loadWarehouse, type WarehouseSecrets } from '../load-warehouse.ts'

// A process for one load: what it needs of memory goes with it.

export type ToLoad = { secrets: WarehouseSecrets; root: string; keepMs?: number; fence?: Fence | undefined }
export type LoadTold = { kind: 'loaded'; loaded: Loaded } | { kind: 'failed'; name: string; message: string }

process.once('message', async ({ secrets, ...options }: ToLoad) => {
  const told = await loadWarehouse(secrets, options).then(
    (loaded): LoadTold => ({ kind: 'loaded', loaded }),
    (error: Error): LoadTold => ({ kind: 'failed', name: error.name, message: error.message }),
  )
  process.send?.(told, () => process.kill(process.pid, 'SIGKILL'))
})
// Whoever started it has ended: a load that nobody waits for is left to the next.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
