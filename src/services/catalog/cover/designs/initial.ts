import { mixed } from '../colours.ts'
import { rule } from '../ornaments.ts'
import { escapeXml, typeset } from '../typeset.ts'
import { type Design, ground } from './design.ts'

/** One letter larger than the cover, and the words beneath it. */
export const initial: Design = (text, palette, random) => {
  const serif = random.next() < 0.7
  const family = serif
    ? "'Iowan Old Style','Palatino Linotype',Palatino,'Noto Serif',Georgia,serif"
    : "'Avenir Next','Segoe UI','Noto Sans',Arial,sans-serif"
  const tone = random.next() < 0.5 ? mixed(palette.ground, palette.second, 0.75) : palette.accent
  const x = random.pick([150, 200, 245])
  const size = random.whole(500, 620)
  const letter =
    `<text x="${x}" y="${Math.round(190 + size * 0.36)}" font-family="${family}" font-size="${size}" font-weight="${serif ? 400 : 700}" ` +
    `text-anchor="middle" fill="${tone}">${escapeXml(text.initial)}</text>`
  const title = typeset({
    text: text.title,
    x: 40,
    y: 424,
    width: 320,
    height: 92,
    size: [42, 15],
    fill: palette.ink,
    vertical: 'middle',
    leading: 1.1,
  })
  const author = typeset({
    text: text.authors,
    x: 40,
    y: 540,
    width: 320,
    height: 36,
    size: [22, 13],
    fill: palette.ink,
    capitals: true,
    tracking: 0.12,
    vertical: 'middle',
  })
  return (
    `<defs><clipPath id="letter"><path d="M0 0h400v404H0z"/></clipPath></defs>${ground(palette.ground)}` +
    `<g clip-path="url(#letter)">${letter}</g>` +
    `<path d="M0 404h400" stroke="${palette.ink}" stroke-width="2"/>` +
    title.svg +
    rule(200, 528, 150, palette.ink, random) +
    author.svg
  )
}
