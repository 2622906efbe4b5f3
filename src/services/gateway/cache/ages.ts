/** What is older is asked for again while the old answer is given; what is older than `staleMs` is waited for. */
export const freshMs = 3_000
export const staleMs = 5_000
/** While its service is away an answer may be this old. */
export const awayMaxMs = 24 * 3_600_000
