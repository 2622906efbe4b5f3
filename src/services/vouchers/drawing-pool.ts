import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { VoucherData } from './contract.ts'
import { DrawingFailed } from './draw-voucher.ts'

export type ToDraw = { voucher: VoucherData; cover: string | undefined }
export type Drawn = { kind: 'pdf'; bytes: Uint8Array<ArrayBuffer> } | { kind: 'failed'; message: string }

/** Threads that draw, each with a typesetter of its own. */
export type DrawingPool = AsyncDisposable & {
  readonly threads: number
  /**
   * Draws one voucher; those that wait are drawn in the order they came.
   * @throws DrawingFailed
   */
  draw(voucher: VoucherData, cover: string | undefined): Promise<Uint8Array>
}

type Task = ToDraw & { resolve(pdf: Uint8Array): void; reject(error: unknown): void }
type Thread = { worker: Worker; task: Task | undefined; late?: NodeJS.Timeout }

/** Each takes some 80 MB; the cores of a larger machine are used by more processes. */
const threadsMax = 8
/** A drawing takes milliseconds. A thread that takes this long is given up, and a new one takes its place. */
const drawingMaxMs = 20_000
/** Little of what a thread makes outlives its drawing. */
const youngGenerationMb = 8

/**
 * Threads start when there is work for them.
 * @param publicUrl the shop's address, for the QR code
 */
export function openDrawingPool(
  publicUrl: string,
  threads = Math.min(availableParallelism(), threadsMax),
): DrawingPool {
  const running = new Set<Thread>()
  const waiting: Task[] = []
  let closed = false

  const start = (): Thread => {
    const worker = new Worker(new URL('draw-thread.ts', import.meta.url), {
      workerData: { publicUrl },
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    })
    const thread: Thread = { worker, task: undefined }
    running.add(thread)
    worker.on('message', (drawn: Drawn) => finish(thread, drawn))
    worker.on('error', (error) => finish(thread, { kind: 'failed', message: error.message }))
    worker.on('exit', () => {
      running.delete(thread)
      finish(thread, { kind: 'failed', message: 'its thread ended' })
    })
    return thread
  }

  const finish = (thread: Thread, drawn: Drawn) => {
    const { task, late } = thread
    clearTimeout(late)
    thread.task = undefined
    if (drawn.kind === 'pdf') task?.resolve(drawn.bytes)
    else task?.reject(new DrawingFailed(`voucher ${task.voucher.code} cannot be drawn: ${drawn.message}`))
    next()
  }

  const next = () => {
    while (waiting.length > 0 && !closed) {
      const idle = [...running].find((thread) => thread.task === undefined)
      if (idle === undefined && running.size >= threads) return
      begin(idle ?? start(), waiting.shift() as Task)
    }
  }

  const begin = (thread: Thread, task: Task) => {
    thread.task = task
    thread.late = setTimeout(() => void thread.worker.terminate(), drawingMaxMs)
    try {
      thread.worker.postMessage({ voucher: task.voucher, cover: task.cover } satisfies ToDraw)
    } catch (error) {
      finish(thread, { kind: 'failed', message: String(error) })
    }
  }

  return {
    threads,
    draw(voucher, cover) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(new DrawingFailed('the drawing pool is closed'))
        waiting.push({ voucher, cover, resolve, reject })
        next()
      })
    },
    async [Symbol.asyncDispose]() {
      closed = true
      for (const task of waiting.splice(0)) task.reject(new DrawingFailed('the drawing pool was closed'))
      await Promise.all([...running].map(({ worker }) => worker.terminate()))
    },
  }
}
