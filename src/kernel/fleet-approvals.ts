const peopleOfProduction = 2

/** How many people have to let a cluster in. */
export const approvalsNeeded = (isProduction: boolean): number => (isProduction ? peopleOfProduction : 1)

/** People, each once: nobody is none, and neither capitals nor spaces make another of one. */
export const approversIn = (approvedBy: readonly string[]): ReadonlySet<string> =>
  new Set(approvedBy.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))
