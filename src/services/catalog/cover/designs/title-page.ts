import { legible } from '../colours.ts'
import { leaf, rosette, rule } from '../ornaments.ts'
import type { Palette } from '../palettes.ts'
import type { Random } from '../random.ts'
import { typeset } from '../typeset.ts'
import { circle, type Design, ground, many, n } from './design.ts'

/** A title page: ruled frame, flourished corners, one printer's ornament. */
export const titlePage: Design = (text, given, random) => {
  const { paper, ground: cloth, second, press } = given
  const palette = { ...given, accent: legible(paper, 2.6, [given.accent, cloth, second, press]) }
  const title = typeset({
    text: text.title,
    x: 56,
    y: 78,
    width: 288,
    height: 200,
    size: [56, 17],
    fill: palette.press,
    vertical: 'middle',
    leading: 1.1,
  })
  const below = typeset({
    text: text.below,
    x: 70,
    y: 286,
    width: 260,
    height: 40,
    size: [19, 13],
    fill: palette.press,
    italic: true,
  })
  const author = typeset({
    text: text.authors,
    x: 60,
    y: 488,
    width: 280,
    height: 52,
    size: [24, 14],
    fill: palette.press,
    capitals: true,
    tracking: 0.12,
    vertical: 'middle',
  })
  return (
    ground(palette.paper) +
    `<g fill="none" stroke="${palette.accent}"><path d="M24 24h352v552H24z" stroke-width="3"/>` +
    `<path d="M32 32h336v536H32z" stroke-width="1"/></g>` +
    corners(palette) +
    title.svg +
    below.svg +
    ornament(palette, random) +
    rule(200, 474, 180, palette.accent, random) +
    author.svg
  )
}

function corners(palette: Palette): string {
  const flourish =
    `<g fill="${palette.accent}"><path d="${leaf(30, 6)}" transform="translate(6 6) rotate(45)"/>` +
    `<path d="${leaf(24, 4.5)}" transform="translate(8 4) rotate(12)"/><path d="${leaf(24, 4.5)}" transform="translate(4 8) rotate(78)"/></g>`
  const places = [
    [36, 36, 1, 1],
    [364, 36, -1, 1],
    [36, 564, 1, -1],
    [364, 564, -1, -1],
  ] as const
  return places
    .map(([x, y, sx, sy]) => `<g transform="translate(${x} ${y}) scale(${sx} ${sy})">${flourish}</g>`)
    .join('')
}

function ornament(palette: Palette, random: Random): string {
  const petals = random.pick([6, 8, 10, 12])
  const outer = random.whole(44, 58)
  return (
    circle(200, 392, outer + 8, `fill="none" stroke="${palette.accent}" stroke-width="1"`) +
    rosette(200, 392, outer, petals, `fill="${palette.ground}"`) +
    rosette(
      200,
      392,
      outer * 0.55,
      petals,
      `fill="${palette.accent}" stroke="${palette.paper}" stroke-width="1.2"`,
    ) +
    circle(200, 392, outer * 0.14, `fill="${palette.paper}"`) +
    many(petals, (i) => {
      const angle = ((i + 0.5) / petals) * 2 * Math.PI - Math.PI / 2
      return circle(
        200 + outer * 0.86 * Math.cos(angle),
        392 + outer * 0.86 * Math.sin(angle),
        Number(n(outer * 0.06)),
        `fill="${palette.accent}"`,
      )
    })
  )
}
