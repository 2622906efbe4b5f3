type Drop = {
  salesOpenAt: string | null
  availability: { available: number; status: 'in-stock' | 'low' | 'sold-out' | 'upcoming' }
}

/** How many limited editions are read to choose the current drops from: as many as a list may have. */
export const dropsRead = 100

const stages = { upcoming: 0, low: 1, 'in-stock': 1, 'sold-out': 2 } as const

/**
 * The drops a reader should see first: what opens soonest, then what is on sale with the fewest copies left, then what
 * is sold out. Equal ones stay in the order they came in.
 * @param drops times of `salesOpenAt` are UTC, ISO 8601
 */
export function currentDrops<D extends Drop>(drops: readonly D[], dropsMax: number): D[] {
  return drops.toSorted(compareDrops).slice(0, dropsMax)
}

function compareDrops(one: Drop, other: Drop): number {
  const stage = stages[one.availability.status]
  const otherStage = stages[other.availability.status]
  if (stage !== otherStage) return stage - otherStage
  if (stage === stages.upcoming) return openingMs(one) - openingMs(other)
  return one.availability.available - other.availability.available
}

/** An opening that nobody has set yet comes after every other. */
const openingMs = ({ salesOpenAt }: Drop) =>
  salesOpenAt === null ? Number.MAX_SAFE_INTEGER : Date.parse(salesOpenAt)
