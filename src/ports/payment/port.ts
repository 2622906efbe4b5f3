import { adapterFor } from '#kernel/adapters'
import { metered } from './metered.ts'
import type { Payment } from './payment.ts'

type Open = (url: string) => Promise<Payment>

const sandbox: Open = async (url) => (await import('./sandbox.ts')).openTestPayment(url.slice('test+'.length))

/** By the URL's scheme. */
export const paymentAdapters: Readonly<Record<string, Open>> = {
  'test+postgres': sandbox,
  'test+postgresql': sandbox,
}

/**
 * @param changed what stands before the provider and is measured as if it were the provider's own
 * @throws TypeError naming the schemes that exist when the URL has another one
 */
export async function openPayment(
  url: string,
  changed: (provider: Payment) => Payment = (provider) => provider,
): Promise<Payment> {
  return metered(changed(await adapterFor(url, 'payment', paymentAdapters)(url)))
}

export {
  type AuthoriseResult,
  type Payment,
  type PaymentMethod,
  type PaymentState,
  PaymentUnavailable,
  type TokeniseResult,
} from './payment.ts'
