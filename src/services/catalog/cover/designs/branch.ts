import { mixed } from '../colours.ts'
import { leaf } from '../ornaments.ts'
import { typeset } from '../typeset.ts'
import { circle, type Design, ground, many, n } from './design.ts'

/** A stem with leaves on both sides, drawn like a woodcut. */
export const branch: Design = (text, palette, random) => {
  const pairs = random.whole(6, 9)
  const lean = random.between(-26, 26)
  const [bottom, top] = [548, 262]
  const length = random.whole(84, 112)
  const width = length * random.between(0.16, 0.26)
  const second = mixed(palette.second, palette.accent, 0.25)
  const berries = random.next() < 0.6
  const leaves = many(pairs, (i) => {
    const along = (i + 0.5) / pairs
    const x = 200 + lean * Math.sin(along * Math.PI)
    const y = bottom - along * (bottom - top)
    const scale = (1 - along * 0.5) * (0.8 + 0.2 * Math.sin(along * Math.PI))
    const one = (side: 1 | -1) =>
      `<g transform="translate(${n(x)} ${n(y)}) scale(${side} 1) rotate(${n(-24 - along * 28)}) scale(${scale.toFixed(3)})">` +
      `<path d="${leaf(length, width)}" fill="${i % 2 === 0 ? palette.accent : second}"/>` +
      `<path d="M6 0H${n(length * 0.9)}" stroke="${palette.ground}" stroke-width="1.4"/></g>`
    const berry = (side: 1 | -1) =>
      berries
        ? circle(x + side * (length * scale * 0.34), y - length * scale * 0.62, 4.4, `fill="${palette.ink}"`)
        : ''
    return one(1) + one(-1) + berry(1) + berry(-1)
  })
  const stem = `M200 ${bottom + 14}Q${n(200 + lean * 1.6)} ${n((bottom + top) / 2)} 200 ${top - 10}`
  const bud = `<path d="${leaf(58, 13)}" transform="translate(200 ${top}) rotate(-90)" fill="${palette.accent}"/>`
  const title = typeset({
    text: text.title,
    x: 44,
    y: 44,
    width: 312,
    height: 122,
    size: [50, 15],
    fill: palette.ink,
    vertical: 'middle',
    leading: 1.1,
  })
  const author = typeset({
    text: text.authors,
    x: 44,
    y: 172,
    width: 312,
    height: 32,
    size: [23, 14],
    fill: palette.ink,
    italic: true,
  })
  return (
    ground(palette.ground) +
    `<path d="M22 22h356v556H22z" fill="none" stroke="${palette.ink}" stroke-opacity=".55" stroke-width="1.2"/>` +
    leaves +
    bud +
    `<path d="${stem}" fill="none" stroke="${palette.ink}" stroke-width="3" stroke-linecap="round"/>` +
    title.svg +
    author.svg
  )
}
