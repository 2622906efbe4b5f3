import { mixed } from '../colours.ts'
import type { Random } from '../random.ts'
import { typeset } from '../typeset.ts'
import { circle, type Design, ground, many, n } from './design.ts'

/** Hills behind hills under a sun or a moon. */
export const hills: Design = (text, palette, random) => {
  const layers = random.whole(4, 6)
  const horizon = random.whole(300, 350)
  const sunX = random.whole(90, 310)
  const sun = random.whole(34, 58)
  const far = mixed(palette.second, palette.ground, 0.15)
  const near = mixed(palette.ground, '#0b0e14', 0.62)
  const land = many(layers, (i) => {
    const depth = i / (layers - 1)
    const y = horizon + depth * (560 - horizon) * 0.82
    return `<path d="${ridge(y, 34 - depth * 12, random)}" fill="${mixed(far, near, depth)}"/>`
  })
  const title = typeset({
    text: text.title,
    x: 40,
    y: 46,
    width: 320,
    height: horizon - 130,
    size: [60, 16],
    fill: palette.ink,
    leading: 1.1,
  })
  const below = typeset({
    text: text.below,
    x: 60,
    y: title.bottom + 8,
    width: 280,
    height: 40,
    size: [19, 13],
    fill: palette.ink,
    italic: true,
  })
  const author = typeset({
    text: text.authors,
    x: 50,
    y: 528,
    width: 300,
    height: 40,
    size: [25, 14],
    fill: '#fbf6ea',
    tracking: 0.05,
    vertical: 'middle',
  })
  return (
    `<defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="${palette.ground}"/>` +
    `<stop offset=".62" stop-color="${mixed(palette.ground, palette.accent, 0.28)}"/></linearGradient></defs>` +
    ground('url(#sky)') +
    circle(sunX, horizon - sun * 0.25, sun * 1.5, `fill="${palette.accent}" opacity=".18"`) +
    circle(sunX, horizon - sun * 0.25, sun, `fill="${palette.accent}"`) +
    land +
    title.svg +
    below.svg +
    author.svg
  )
}

/** The outline of one row of hills across the cover, down to its foot. */
function ridge(y: number, rise: number, random: Random): string {
  const steps = 4
  let path = `M0 600V${n(y + random.between(-rise, rise))}`
  for (let i = 1; i <= steps; i++) {
    const x = (400 / steps) * i
    path += `S${n(x - random.between(35, 60))} ${n(y + random.between(-rise, rise) * 1.3)} ${n(x)} ${n(y + random.between(-rise, rise))}`
  }
  return `${path}V600z`
}
