/** Hashes as UUIDs, the first 16 bytes of SHA-256: of the key, of the body, of the reader's token. */
export type Hashes = { keyHash: string; bodyHash: string; tokenHash: string }

/** An accepted order on its way into OrderDb. */
export type PlacedOrder = Hashes & {
  id: string
  /** `OrderDetails` as JSON text: written once, and passed on as it is. */
  details: string
  /** The customer's email address, for limits. */
  email: string
  /** Nothing to pay: its saga begins at once. */
  free: boolean
  /** Copies per title that count against a per-customer limit. */
  limits: readonly { isbn: string; quantity: number; perCustomer: number }[]
}

/** A change of an order's course that moves stock: `confirm` sells held copies, `release` and `return` free them. */
export type Settlement = {
  orderId: string
  movement: 'confirm' | 'release' | 'return'
  to: 'confirmed' | 'cancelled' | 'expired' | 'failed'
  /** The saga that asks, or null when none may be at work. */
  sagaId: string | null
  lines: { isbn: string; quantity: number }[]
}

/** `expiresAt`: when the holds of the group's orders run out, in ms since 1970. */
export type GroupCommit = {
  participants: readonly string[]
  placed: readonly PlacedOrder[]
  settled: readonly Settlement[]
  expiresAt: number
}
