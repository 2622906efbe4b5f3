import { type FaultName, faultNames } from '#config'
import type { Cache } from '#ports/cache'
import { logger } from '#ports/log'
import type { Payment } from '#ports/payment'
import { processMeter, roleMeter } from '#ports/telemetry'

const log = logger('faults')
/** As long as a provider that still answers may take. */
const slowMs = 4_000

/** A reader who asks a replica that is busy waits for so long. */
const slowReadMs = 400
const liesMax = 500

const strikes = processMeter.counter('octavo_fault_strikes_total', 'What failed on purpose.', ['fault'])
/** A switch has made something fail. */
export const struck = (fault: FaultName): void => strikes.add(1, fault)

/** Says which faults are set, as a number that an alert looks at and as a line of the log. */
export function showFaults(role: string, set: readonly FaultName[]): void {
  const gauge = roleMeter(role).gauge('octavo_fault_switch', 'Faults that are set on purpose.', ['fault'])
  for (const fault of faultNames) gauge.set(set.includes(fault) ? 1 : 0, fault)
  if (set.length > 0) log.warn('faults are switched on', { faults: set.join() })
}

/** A provider that takes its time, or whose answers are lost. */
export function faultyPayment(
  payment: Payment,
  set: readonly FaultName[],
  sleep: (ms: number) => Promise<unknown>,
): Payment {
  const isSlow = set.includes('slow-payment')
  const fails = set.includes('failing-payment')
  if (!isSlow && !fails) return payment
  return {
    ...payment,
    async authorise(...given) {
      if (isSlow) {
        struck('slow-payment')
        await sleep(slowMs)
      }
      const result = await payment.authorise(...given)
      // The money is reserved all the same: what a lost answer leaves behind.
      if (!fails) return result
      struck('failing-payment')
      throw new Error('the answer is lost, by a fault switch')
    },
    [Symbol.asyncDispose]: () => payment[Symbol.asyncDispose](),
  }
}

/** Reads for display that take as long as at replicas which are too busy. */
export function slowReads<Reads extends { reader(seen?: string): Promise<unknown> }>(
  reads: Reads,
  set: readonly FaultName[],
  sleep: (ms: number) => Promise<unknown>,
): Reads {
  if (!set.includes('slow-replica')) return reads
  return {
    ...reads,
    async reader(seen?: string) {
      struck('slow-replica')
      await sleep(slowReadMs)
      return await reads.reader(seen)
    },
  }
}

/** A shared cache that shows under each key what it was first given there, however old, and forgets nothing. */
export function lyingCache(cache: Cache, set: readonly FaultName[]): Cache {
  if (!set.includes('cache-liar')) return cache
  const first = new Map<string, Uint8Array>()
  const remember = (key: string, value: Uint8Array) => {
    if (!first.has(key) && first.size < liesMax) first.set(key, value)
  }
  return {
    ...cache,
    async read(key) {
      const lie = first.get(key)
      const truth = await cache.read(key)
      if (lie === undefined) {
        if (truth !== undefined) remember(key, truth)
        return truth
      }
      struck('cache-liar')
      return lie
    },
    async write(key, value, ttlMs) {
      remember(key, value)
      await cache.write(key, value, ttlMs)
    },
    evict: async () => undefined,
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  }
}
