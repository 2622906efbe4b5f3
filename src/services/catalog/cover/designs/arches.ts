import { typeset } from '../typeset.ts'
import { circle, type Design, ground, many } from './design.ts'

/** Arches inside arches, standing on the lower edge, a disc in the doorway. */
export const arches: Design = (text, palette, random) => {
  const count = random.whole(4, 6)
  const outer = random.whole(140, 164)
  const spring = random.whole(400, 430)
  const x = 200
  const colours = [palette.second, palette.accent, palette.ground, palette.ink]
  const start = random.whole(0, 2)
  const step = outer / (count + 0.6)
  const rings = many(count, (i) => {
    const radius = outer - i * step
    const fill = i === count - 1 ? palette.ink : (colours[(start + i) % 3] ?? palette.second)
    return `<path d="M${x - radius} 600V${spring}A${radius} ${radius} 0 0 1 ${x + radius} ${spring}V600z" fill="${fill}"/>`
  })
  const door = outer - (count - 1) * step
  const disc = circle(x, spring + random.between(-4, 26), door * 0.42, `fill="${palette.accent}"`)
  const title = typeset({
    text: text.title,
    x: 36,
    y: 40,
    width: 328,
    height: spring - outer - 92,
    size: [52, 15],
    fill: palette.ink,
    face: 'sans',
    bold: true,
    vertical: 'middle',
    leading: 1.08,
  })
  const author = typeset({
    text: text.authors,
    x: 40,
    y: spring - outer - 46,
    width: 320,
    height: 32,
    size: [24, 14],
    fill: palette.ink,
    face: 'sans',
    tracking: 0.04,
    vertical: 'middle',
  })
  return ground(palette.ground) + rings + disc + title.svg + author.svg
}
