import { processMeter, secondsBuckets } from '#ports/telemetry'
import type { Payment } from './payment.ts'

const duration = processMeter.histogram(
  'octavo_payment_seconds',
  'Calls of the payment provider, by what became of them.',
  secondsBuckets,
  ['operation', 'outcome'],
)

/** The same provider, whose answers are counted and timed. */
export function metered(payment: Payment): Payment {
  const timed = async <T>(
    operation: string,
    work: Promise<T>,
    outcomeOf: (result: T) => string,
  ): Promise<T> => {
    const startedMs = performance.now()
    const note = (outcome: string) =>
      duration.observe((performance.now() - startedMs) / 1000, operation, outcome)
    try {
      const result = await work
      note(outcomeOf(result))
      return result
    } catch (error) {
      note('unknown')
      throw error
    }
  }
  const done = () => 'done'
  return {
    ...payment,
    authorise: (...given) => timed('authorise', payment.authorise(...given), ({ kind }) => kind),
    capture: (...given) => timed('capture', payment.capture(...given), ({ kind }) => kind),
    void: (...given) => timed('void', payment.void(...given), done),
    refund: (...given) => timed('refund', payment.refund(...given), done),
    [Symbol.asyncDispose]: () => payment[Symbol.asyncDispose](),
  }
}
