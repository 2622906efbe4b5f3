import { patternOf, rule } from '../ornaments.ts'
import { typeset } from '../typeset.ts'
import { type Design, ground } from './design.ts'

/** Patterned paper with a pasted label, as on small clothbound classics. */
export const label: Design = (text, palette, random) => {
  const pattern = patternOf('paper', palette.second, palette.accent, random)
  const [x, y, width, height] = random.pick([
    [52, 84, 296, 262],
    [52, 160, 296, 270],
    [40, 72, 320, 250],
  ] as const)
  const author = typeset({
    text: text.authors,
    x: x + 26,
    y: y + 26,
    width: width - 52,
    height: 40,
    size: [20, 13],
    fill: palette.press,
    capitals: true,
    tracking: 0.1,
    vertical: 'middle',
  })
  const title = typeset({
    text: text.title,
    x: x + 24,
    y: y + 92,
    width: width - 48,
    height: height - 144,
    size: [54, 15],
    fill: palette.press,
    vertical: 'middle',
    leading: 1.12,
  })
  const below = typeset({
    text: text.below,
    x: x + 26,
    y: y + height - 46,
    width: width - 52,
    height: 26,
    size: [15, 11],
    fill: palette.press,
    italic: true,
    vertical: 'middle',
    leading: 1.05,
  })
  return (
    `<defs>${pattern}</defs>${ground(palette.ground)}<path d="M0 0h400v600H0z" fill="url(#paper)"/>` +
    `<rect x="${x + 2}" y="${y + 4}" width="${width}" height="${height}" rx="3" fill="#000" opacity=".22"/>` +
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="3" fill="${palette.paper}"/>` +
    `<rect x="${x + 9}" y="${y + 9}" width="${width - 18}" height="${height - 18}" fill="none" stroke="${palette.press}" stroke-width="1.8"/>` +
    `<rect x="${x + 13.5}" y="${y + 13.5}" width="${width - 27}" height="${height - 27}" fill="none" stroke="${palette.press}" stroke-width=".7"/>` +
    rule(x + width / 2, y + 74, width * 0.5, palette.press, random) +
    author.svg +
    title.svg +
    below.svg
  )
}
