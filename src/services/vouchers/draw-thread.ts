import { parentPort, workerData } from 'node:worker_threads'
import { DrawingFailed, openDrawing } from './draw-voucher.ts'
import type { Drawn, ToDraw } from './drawing-pool.ts'

// A thread of the drawing pool: draws what it is sent, one after the other.
const draw = openDrawing((workerData as { publicUrl: string }).publicUrl)

parentPort?.on('message', ({ voucher, cover }: ToDraw) => {
  const drawn = attempt(() => drawInAnyCase({ voucher, cover }))
  parentPort?.postMessage(drawn, drawn.kind === 'pdf' ? [drawn.bytes.buffer] : [])
})

function attempt(work: () => Buffer): Drawn {
  try {
    // A copy, because what the typesetter returns is memory of its own.
    return { kind: 'pdf', bytes: new Uint8Array(work()) }
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

/** A cover that cannot be drawn must not cost a reader the voucher. */
function drawInAnyCase({ voucher, cover }: ToDraw): Buffer {
  try {
    return draw(voucher, cover)
  } catch (error) {
    if (cover === undefined || !(error instanceof DrawingFailed)) throw error
    return draw(voucher, undefined)
  }
}
