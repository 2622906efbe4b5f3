/** How long a day is, in ms. */
export const dayMs = 86_400_000

/** Whether a text is a day of the calendar: YYYY-MM-DD. */
export function isDay(text: string): boolean {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}
