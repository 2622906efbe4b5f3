import type { CoverText } from '../cover-text.ts'
import type { Palette } from '../palettes.ts'
import type { Random } from '../random.ts'

/** Everything between the root element's tags, on a canvas of 400 by 600. */
export type Design = (text: CoverText, palette: Palette, random: Random) => string

export const ground = (fill: string) => `<path d="M0 0h400v600H0z" fill="${fill}"/>`

export const circle = (x: number, y: number, radius: number, paint: string) =>
  `<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}" ${paint}/>`

/** A number as short as it may be. */
export const n = (value: number) => String(Math.round(value * 10) / 10)

/** `count` things, as one string. */
export const many = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => make(index)).join('')
