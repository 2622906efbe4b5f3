/** How many reads of the catalogue may be under way at once: what they leave is for orders. */
export type BrowsingLimit = {
  readonly atOnce: number
  /** A read was answered. @param isFull whether others waited for its place */
  readTook(ms: number, isFull: boolean): void
  /** An order was answered, after so long at the services. */
  orderTook(ms: number): void
}

export type BrowsingLimits = {
  atOnceMin: number
  atOnceStart: number
  atOnceMax: number
  /** A read that takes longer is one of too many. */
  slowMs: number
  /** So much longer than usual, and so many times as long, orders take where reads are in their way. */
  orderMarginMs: number
  orderFactor: number
  /** So long after a change the next one may come, to fewer and to more: no change is judged before it can have had an effect. */
  fewerAfterMs: number
  moreAfterMs: number
}

const browsingLimits: BrowsingLimits = {
  ...{ atOnceMin: 2, atOnceStart: 8, atOnceMax: 192, slowMs: 200 },
  ...{ orderMarginMs: 30, orderFactor: 2, fewerAfterMs: 200, moreAfterMs: 400 },
}

/** The weight of the newest order in what orders take lately, and in what they usually take: a quick one counts for more. */
const weights = { lately: 0.3, quicker: 0.3, slower: 0.01 }

/**
 * Halves the reads while they or the orders beside them are slow, and adds slowly while there is a wish for more: orders
 * and reads need the same databases and processors, of which nobody here knows how many there are.
 * Source: Jacobson, "Congestion Avoidance and Control", SIGCOMM 1988.
 */
export function createBrowsingLimit(nowMs: () => number, limits = browsingLimits): BrowsingLimit {
  let atOnce = limits.atOnceStart
  let [fewerMs, moreMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let orders: { usuallyMs: number; latelyMs: number } | undefined
  const fewer = () => {
    if (nowMs() - fewerMs < limits.fewerAfterMs) return
    fewerMs = nowMs()
    atOnce = Math.max(limits.atOnceMin, Math.floor(atOnce / 2))
  }
  const more = () => {
    if (nowMs() - Math.max(fewerMs, moreMs) < limits.moreAfterMs) return
    moreMs = nowMs()
    atOnce = Math.min(limits.atOnceMax, atOnce + 1)
  }
  return {
    get atOnce() {
      return atOnce
    },
    readTook(ms, isFull) {
      if (ms > limits.slowMs) fewer()
      else if (isFull) more()
    },
    orderTook(ms) {
      const { usuallyMs, latelyMs } = orders ?? { usuallyMs: ms, latelyMs: ms }
      orders = {
        usuallyMs: usuallyMs + (ms - usuallyMs) * (ms < usuallyMs ? weights.quicker : weights.slower),
        latelyMs: latelyMs + (ms - latelyMs) * weights.lately,
      }
      const tooLongMs = Math.max(
        orders.usuallyMs * limits.orderFactor,
        orders.usuallyMs + limits.orderMarginMs,
      )
      if (orders.latelyMs > tooLongMs) fewer()
    },
  }
}
