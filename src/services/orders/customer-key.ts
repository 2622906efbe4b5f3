import { mailboxOf } from '#kernel/email'

/** Who counts as the same customer for a limit: it must be one rule for all who count. */
export const customerKey = mailboxOf
