import { legible } from '../colours.ts'
import { typeset } from '../typeset.ts'
import { circle, type Design, ground, many } from './design.ts'

/** Circles around a centre off the middle, each with its planet. */
export const orbits: Design = (text, palette, random) => {
  const x = random.pick([90, 200, 310])
  const y = random.whole(170, 230)
  const rings = random.whole(4, 7)
  const step = random.whole(38, 52)
  const planets = many(rings, (i) => {
    const radius = (i + 1) * step
    const angle = random.between(0, 2 * Math.PI)
    const size = random.between(4, 15)
    const fill = random.pick([palette.accent, palette.second, palette.ink])
    return (
      circle(x, y, radius, `fill="none" stroke="${palette.ink}" stroke-opacity=".45" stroke-width="1.1"`) +
      circle(x + radius * Math.cos(angle), y + radius * Math.sin(angle), size, `fill="${fill}"`)
    )
  })
  const stars = many(26, () =>
    circle(
      random.between(8, 392),
      random.between(8, 400),
      random.between(0.6, 1.5),
      `fill="${palette.ink}" opacity=".7"`,
    ),
  )
  const title = typeset({
    text: text.title,
    x: 34,
    y: 408,
    width: 332,
    height: 116,
    size: [50, 15],
    fill: palette.ink,
    face: 'sans',
    bold: true,
    align: 'start',
    vertical: 'bottom',
    leading: 1.08,
  })
  const author = typeset({
    text: text.authors,
    x: 34,
    y: 536,
    width: 332,
    height: 34,
    size: [25, 14],
    fill: legible(palette.ground, 3, [palette.accent, palette.ink]),
    face: 'sans',
    align: 'start',
  })
  return (
    `<defs><linearGradient id="fade" x2="0" y2="1"><stop stop-color="${palette.ground}" stop-opacity="0"/>` +
    `<stop offset=".35" stop-color="${palette.ground}"/></linearGradient></defs>` +
    ground(palette.ground) +
    stars +
    planets +
    circle(x, y, step * 0.52, `fill="${palette.accent}"`) +
    `<path d="M0 350h400v250H0z" fill="url(#fade)"/>` +
    title.svg +
    author.svg
  )
}
