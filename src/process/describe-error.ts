/** What went wrong, in one line when it is a person's to mend, with the place in the code when it is a bug. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isBug = ['TypeError', 'ReferenceError', 'AssertionError', 'RangeError', 'SyntaxError'].includes(
    error.name,
  )
  return isBug ? (error.stack ?? error.message) : error.message
}
