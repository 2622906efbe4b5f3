import { createMeter, type Meter, observeOne } from '#ports/telemetry'
import { type StoreFault, storeFaults } from './store-watch.ts'

/** What `/metrics` says of the render queue: how many wait, how long they waited, and what was turned away. */
export type QueueMetrics = {
  meter: Meter
  /** A voucher is in the object store, so many seconds after it was asked for. */
  stored(seconds: number): void
  /** A voucher could not be drawn or stored; it is asked for again. */
  dropped(): void
  /** So many vouchers were refused because the queue is full. */
  refused(vouchers: number): void
  /** Shows how many vouchers are in the queue, and the fault of the object store if it has one. */
  observe(waiting: () => number, fault: () => StoreFault | undefined): void
}

const bucketSeconds = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export function createQueueMetrics(): QueueMetrics {
  const meter = createMeter()
  const wait = meter.histogram(
    'octavo_voucher_wait_seconds',
    'From the request for a voucher until its PDF is in the object store.',
    bucketSeconds,
  )
  const dropped = meter.counter(
    'octavo_vouchers_dropped_total',
    'Vouchers that could not be drawn or stored, to be asked for again.',
  )
  const refused = meter.counter(
    'octavo_vouchers_refused_total',
    'Vouchers turned away because the queue was full.',
  )
  return {
    meter,
    stored: (seconds) => wait.observe(seconds),
    dropped: () => dropped.add(1),
    refused: (vouchers) => refused.add(vouchers),
    observe(waiting, fault) {
      observeOne(meter, 'octavo_vouchers_waiting', 'Vouchers that wait to be drawn and stored.', waiting)
      meter.observed(
        'octavo_object_store_fault',
        'Whether the object store is away, full, or refuses our credentials.',
        ['fault'],
        () => storeFaults.map((each) => [Number(each === fault()), each]),
      )
    },
  }
}
