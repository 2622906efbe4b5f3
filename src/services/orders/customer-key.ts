/** Who counts as the same customer for a limit: it must be one rule for all who count. */
export const customerKey = (email: string) => email.toLowerCase()
