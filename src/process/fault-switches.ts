import { type FaultName, faultNames } from '#config'
import { logger } from '#ports/log'
import type { Payment } from '#ports/payment'
import { roleMeter } from '#ports/telemetry'

const log = logger('faults')
/** As long as a provider that still answers may take. */
const slowMs = 4_000

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
      if (isSlow) await sleep(slowMs)
      const result = await payment.authorise(...given)
      // The money is reserved all the same: what a lost answer leaves behind.
      if (fails) throw new Error('the answer is lost, by a fault switch')
      return result
    },
    [Symbol.asyncDispose]: () => payment[Symbol.asyncDispose](),
  }
}
