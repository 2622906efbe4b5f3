/** `45 s`, `12 min`, `3 h`: how long something has been so. */
export function ageText(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

/** `2 s ago`, as seen from the moment `asOf`. Both are times in ISO 8601. */
export function agoText(at: string, asOf: string): string {
  return `${ageText((Date.parse(asOf) - Date.parse(at)) / 1_000)} ago`
}
