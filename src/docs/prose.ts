/** The words of the API reference that belong to no single operation. */
export const apiDescription = `Browse and search books, reserve copies, pay, and follow an order until it has its voucher.

- Bodies are JSON. A field that is not known is an error, and every wrong field is named.
- Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details: \`application/problem+json\`.
- Money is whole minor units with an ISO 4217 currency: \`{ "amount": 1250, "currency": "EUR" }\` is €12.50.
- Lists take \`limit\` (1 to 100) and an opaque \`cursor\`; \`next\` and the \`Link\` header hold the next page.
- \`ETag\` with \`If-None-Match\` saves a read, with \`If-Match\` a lost update.
- \`429\` and \`503\` say in \`Retry-After\` when to come back. \`POST /api/orders\` is safe to repeat with its \`Idempotency-Key\`.
- Every answer has an \`X-Request-Id\`; a W3C \`traceparent\` is passed on.

A good start: list the limited editions, order one, then open its event stream.`

export const tagDescriptions = [
  { name: 'Books', description: 'The catalogue, its stock, and live availability' },
  { name: 'Orders', description: 'Reserve, pay, follow, cancel' },
  { name: 'Vouchers', description: 'Look up and redeem at the counter; download' },
  { name: 'Imports', description: 'Catalogues in bulk' },
  { name: 'Staff', description: 'Logging in and out' },
  { name: 'System', description: 'How the store does, for its operators' },
]
