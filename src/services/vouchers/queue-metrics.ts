import { type StoreFault, storeFaults } from './store-watch.ts'

/** What `/metrics` says of the render queue: how many wait, how long they waited, and what was turned away. */
export type QueueMetrics = {
  /** A voucher is in the object store, so many seconds after it was asked for. */
  stored(seconds: number): void
  /** A voucher could not be drawn or stored; it is asked for again. */
  dropped(): void
  /** So many vouchers were refused because the queue is full. */
  refused(vouchers: number): void
  /** Prometheus exposition format 0.0.4. @param waiting vouchers in the queue now @param fault of the object store */
  text(waiting: number, fault?: StoreFault): string
}

const bucketSeconds = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export function createQueueMetrics(): QueueMetrics {
  const buckets = bucketSeconds.map(() => 0)
  const counts = { stored: 0, seconds: 0, dropped: 0, refused: 0 }
  return {
    stored(seconds) {
      counts.stored++
      counts.seconds += seconds
      for (const [i, limit] of bucketSeconds.entries())
        if (seconds <= limit) buckets[i] = (buckets[i] ?? 0) + 1
    },
    dropped() {
      counts.dropped++
    },
    refused(vouchers) {
      counts.refused += vouchers
    },
    text(waiting, fault) {
      const wait = 'octavo_voucher_wait_seconds'
      return [
        '# HELP octavo_vouchers_waiting Vouchers that wait to be drawn and stored.',
        '# TYPE octavo_vouchers_waiting gauge',
        `octavo_vouchers_waiting ${waiting}`,
        '# HELP octavo_vouchers_refused_total Vouchers turned away because the queue was full.',
        '# TYPE octavo_vouchers_refused_total counter',
        `octavo_vouchers_refused_total ${counts.refused}`,
        '# HELP octavo_vouchers_dropped_total Vouchers that could not be drawn or stored, to be asked for again.',
        '# TYPE octavo_vouchers_dropped_total counter',
        `octavo_vouchers_dropped_total ${counts.dropped}`,
        '# HELP octavo_object_store_fault Whether the object store is away, full, or refuses our credentials.',
        '# TYPE octavo_object_store_fault gauge',
        ...storeFaults.map((each) => `octavo_object_store_fault{fault="${each}"} ${Number(each === fault)}`),
        `# HELP ${wait} From the request for a voucher until its PDF is in the object store.`,
        `# TYPE ${wait} histogram`,
        ...bucketSeconds.map((limit, i) => `${wait}_bucket{le="${limit}"} ${buckets[i]}`),
        `${wait}_bucket{le="+Inf"} ${counts.stored}`,
        `${wait}_sum ${counts.seconds}`,
        `${wait}_count ${counts.stored}`,
        '',
      ].join('\n')
    },
  }
}
