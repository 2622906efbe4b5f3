/**
 * The secret that all processes share may have several lines while it is being changed: the first one signs, and what any
 * of them has signed is good. A new one is added behind, then moved to the front, and at last the old one is taken away;
 * after each step the processes start again, one by one.
 */
export function secretLines(secret: string): readonly [string, ...string[]] {
  const [first = secret, ...others] = secret.split(/\r?\n/).filter((line) => line !== '')
  return [first, ...others]
}

/** The one that signs. */
export const signingSecret = (secret: string): string => secretLines(secret)[0]
