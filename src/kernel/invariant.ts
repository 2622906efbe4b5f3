/** One thing that must always hold, and where it did not. */
export type Finding = { invariant: string; detail: string }

/** How an invariant was checked: how many things were looked at, and what was wrong. */
export type Check = { invariant: string; checked: number; findings: Finding[] }

/** Findings shown per invariant; a broken rule may be broken a million times. */
const findingsMax = 50

export function check(invariant: string, checked: number, details: readonly string[]): Check {
  return {
    invariant,
    checked,
    findings: details.slice(0, findingsMax).map((detail) => ({ invariant, detail })),
  }
}
