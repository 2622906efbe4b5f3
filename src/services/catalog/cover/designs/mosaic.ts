import { legible } from '../colours.ts'
import type { Palette } from '../palettes.ts'
import type { Random } from '../random.ts'
import { typeset } from '../typeset.ts'
import { circle, type Design, ground } from './design.ts'

/** Quarter circles, discs and triangles in a grid, as modernists set them. */
export const mosaic: Design = (text, palette, random) => {
  const columns = random.pick([3, 4, 4, 5])
  const cell = 400 / columns
  const rows = columns === 3 ? 2 : columns === 4 ? 3 : 4
  const height = rows * cell
  const atTop = random.next() < 0.65
  let tiles = ''
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      tiles += tile(column * cell, (atTop ? 0 : 600 - height) + row * cell, cell, palette, random)
  const y = atTop ? height + 24 : 30
  const room = 600 - height - 54
  const author = typeset({
    text: text.authors,
    x: 32,
    y: y + room - 30,
    width: 336,
    height: 34,
    size: [25, 14],
    fill: legible(palette.ground, 3, [palette.accent, palette.ink]),
    face: 'sans',
    align: 'start',
    vertical: 'bottom',
  })
  const title = typeset({
    text: text.title,
    x: 32,
    y,
    width: 336,
    height: room - 44,
    size: [58, 15],
    fill: palette.ink,
    face: 'sans',
    bold: true,
    align: 'start',
    leading: 1.08,
  })
  return ground(palette.ground) + tiles + title.svg + author.svg
}

function tile(x: number, y: number, size: number, palette: Palette, random: Random): string {
  const colours = [palette.ground, palette.second, palette.accent, palette.ink]
  const back = random.pick(colours)
  const front = random.pick(colours.filter((colour) => colour !== back))
  const turn = random.pick([0, 90, 180, 270])
  const half = size / 2
  const shape = random.pick([
    () => `<path d="M0 0h${size}A${size} ${size} 0 0 1 0 ${size}z" fill="${front}"/>`,
    () => `<path d="M0 0h${size}A${size} ${size} 0 0 1 0 ${size}z" fill="${front}"/>`,
    () =>
      `<path d="M0 0A${half} ${half} 0 0 0 ${size} 0z" fill="${front}"/><path d="M0 ${half}A${half} ${half} 0 0 0 ${size} ${half}z" fill="${front}"/>`,
    () => circle(half, half, half * 0.72, `fill="${front}"`),
    () => circle(half, half, half, `fill="${front}"`) + circle(half, half, half * 0.45, `fill="${back}"`),
    () => `<path d="M0 0h${size}L0 ${size}z" fill="${front}"/>`,
    () => `<path d="M0 0h${half}v${size}H0z" fill="${front}"/>`,
    () => '',
  ])()
  return (
    `<g transform="translate(${x} ${y})"><path d="M0 0h${size}v${size}H0z" fill="${back}"/>` +
    `<g transform="rotate(${turn} ${half} ${half})">${shape}</g></g>`
  )
}
