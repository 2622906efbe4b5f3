/** How long a day is, in ms. */
export const dayMs = 86_400_000
