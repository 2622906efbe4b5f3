/** A colour between two, both as `#rrggbb`. @param share 0 gives the first, 1 the second */
export function mixed(first: string, second: string, share: number): string {
  const [a, b] = [channels(first), channels(second)]
  const mix = a.map((value, i) => Math.round(value + ((b[i] ?? 0) - value) * share))
  return `#${mix.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16))
}

/** Contrast of two colours, from 1 to 21. Source: WCAG 2.2, relative luminance and contrast ratio. */
export function contrast(first: string, second: string): number {
  const [a, b] = [luminance(first), luminance(second)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** The first of `choices` that stands out from `behind` at least this much; else the one that does most. */
export function legible(behind: string, contrastMin: number, choices: readonly string[]): string {
  const found = choices.find((choice) => contrast(choice, behind) >= contrastMin)
  if (found !== undefined) return found
  return choices.toSorted((a, b) => contrast(b, behind) - contrast(a, behind))[0] ?? '#000000'
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
