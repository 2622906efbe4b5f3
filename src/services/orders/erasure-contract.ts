import { defineRoute, staff } from '#kernel/contract'
import { closed } from '#kernel/schemas'
import { Type } from '#kernel/type'

/** Where a customer could still be found after an erasure, and how often. */
export const ErasureReport = Type.Object(
  {
    orders: Type.Integer({ description: 'orders that lost their customer' }),
    pdfs: Type.Integer({ description: 'PDFs that were deleted; those that can be redeemed are drawn again' }),
    left: Type.Record(Type.String(), Type.Integer(), {
      description: 'how often the address is still found, by place: 0 everywhere is the proof',
    }),
  },
  { $id: 'ErasureReport' },
)

export const eraseCustomer = defineRoute({
  method: 'POST',
  path: '/api/erasures',
  tag: 'Orders',
  access: staff('manager'),
  body: Type.Object({ email: Type.String({ minLength: 3, maxLength: 254 }) }, closed),
  reply: ErasureReport,
  summary:
    'Erase a customer: name and address leave orders, limits and PDFs, and with its next load the warehouse',
  also: { 409: 'An order of this customer is under way; nothing was erased.' },
})
