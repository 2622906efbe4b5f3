/** The reader's own locale, for numbers and dates. */
export const locale = (): string => globalThis.navigator?.language || 'en'
