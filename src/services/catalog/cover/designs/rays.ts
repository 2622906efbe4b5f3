import { typeset } from '../typeset.ts'
import { circle, type Design, ground, many, n } from './design.ts'

/** A sunburst around a medallion that holds the title. */
export const rays: Design = (text, palette, random) => {
  const count = random.pick([16, 20, 24, 28, 36])
  const y = 250
  const radius = 132
  const step = Math.PI / count
  const shift = random.next() * step
  const beam = (i: number) => {
    const from = shift + 2 * i * step
    const point = (angle: number) => `${n(200 + 620 * Math.cos(angle))} ${n(y + 620 * Math.sin(angle))}`
    return `<path d="M200 ${y}L${point(from)}L${point(from + step)}z" fill="${palette.second}"/>`
  }
  const beads = many(count * 2, (i) => {
    const angle = i * step
    return circle(
      200 + (radius + 12) * Math.cos(angle),
      y + (radius + 12) * Math.sin(angle),
      2.4,
      `fill="${palette.accent}"`,
    )
  })
  const title = typeset({
    text: text.title,
    x: 200 - radius * 0.76,
    y: y - radius * 0.6,
    width: radius * 1.52,
    height: radius * 1.2,
    size: [44, 13],
    fill: palette.press,
    vertical: 'middle',
    leading: 1.1,
  })
  const author = typeset({
    text: text.authors,
    x: 40,
    y: 508,
    width: 320,
    height: 44,
    size: [26, 14],
    fill: palette.ink,
    vertical: 'middle',
    capitals: true,
    tracking: 0.1,
  })
  return (
    ground(palette.ground) +
    many(count, beam) +
    circle(200, y, radius + 22, `fill="${palette.ground}"`) +
    beads +
    circle(200, y, radius, `fill="${palette.paper}"`) +
    circle(200, y, radius - 9, `fill="none" stroke="${palette.accent}" stroke-width="1.6"`) +
    title.svg +
    `<path d="M0 482h400v92H0z" fill="${palette.ground}"/><path d="M0 486h400M0 570h400" stroke="${palette.accent}" stroke-width="1.6"/>` +
    author.svg
  )
}
