import { leaf, rosette } from '../ornaments.ts'
import { cloths } from '../palettes.ts'
import type { Random } from '../random.ts'
import { typeset } from '../typeset.ts'
import { circle, type Design, ground, many, n } from './design.ts'

const gold = 'url(#gilt)'

/** Cloth with gilt rules, corner pieces and a medallion, and a ribbon that says what it is. */
export const gilt: Design = (text, _palette, random) => {
  const cloth = random.pick(cloths)
  const title = typeset({
    text: text.title,
    x: 70,
    y: 122,
    width: 260,
    height: 130,
    size: [46, 14],
    fill: gold,
    capitals: text.title.length < 26,
    tracking: text.title.length < 26 ? 0.05 : 0,
    vertical: 'middle',
    leading: 1.12,
  })
  const author = typeset({
    text: text.authors,
    x: 70,
    y: 472,
    width: 260,
    height: 40,
    size: [23, 13],
    fill: gold,
    capitals: true,
    tracking: 0.1,
    vertical: 'middle',
  })
  return (
    `<defs>${foil}${weave}</defs>` +
    ground(cloth) +
    ground('url(#weave)') +
    `<g fill="none" stroke="${gold}"><path d="M26 26h348v548H26z" stroke-width="4"/><path d="M35 35h330v530H35z" stroke-width="1.2"/>` +
    `<path d="M58 78Q78 78 78 58H322Q322 78 342 78V522Q322 522 322 542H78Q78 522 58 522z" stroke-width="1.4"/></g>` +
    cornerPieces() +
    title.svg +
    medallion(random) +
    author.svg +
    ribbon(random)
  )
}

const foil =
  '<linearGradient id="gilt" gradientUnits="userSpaceOnUse" x1="0" y1="0" x2="400" y2="600"><stop stop-color="#f7e3a1"/>' +
  '<stop offset=".25" stop-color="#c9973b"/><stop offset=".45" stop-color="#f3dc96"/><stop offset=".65" stop-color="#b98a32"/>' +
  '<stop offset=".85" stop-color="#f2d98d"/><stop offset="1" stop-color="#c08f36"/></linearGradient>'

const weave =
  '<pattern id="weave" width="4" height="4" patternUnits="userSpaceOnUse"><path d="M0 1h4M0 3h4" stroke="#fff" stroke-opacity=".045" ' +
  'stroke-width="1"/><path d="M1 0v4M3 0v4" stroke="#000" stroke-opacity=".12" stroke-width="1"/></pattern>'

function cornerPieces(): string {
  const piece =
    `<g fill="${gold}"><path d="${leaf(22, 5)}" transform="rotate(45)"/><path d="${leaf(17, 3.6)}" transform="rotate(8)"/>` +
    `<path d="${leaf(17, 3.6)}" transform="rotate(82)"/></g>`
  const places = [
    [42, 42, 1, 1],
    [358, 42, -1, 1],
    [42, 558, 1, -1],
    [358, 558, -1, -1],
  ] as const
  return places
    .map(([x, y, sx, sy]) => `<g transform="translate(${x} ${y}) scale(${sx} ${sy})">${piece}</g>`)
    .join('')
}

function medallion(random: Random): string {
  const y = 356
  const petals = random.pick([8, 10, 12, 16])
  const radius = random.whole(58, 68)
  const line = (width: number) => `fill="none" stroke="${gold}" stroke-width="${width}"`
  return (
    circle(200, y, radius + 18, line(2.4)) +
    circle(200, y, radius + 12, line(0.9)) +
    rosette(200, y, radius, petals, line(1.5)) +
    rosette(200, y, radius * 0.6, petals, `fill="${gold}"`) +
    many(petals, (i) => {
      const angle = ((i + 0.5) / petals) * 2 * Math.PI - Math.PI / 2
      return circle(
        200 + radius * 0.92 * Math.cos(angle),
        y + radius * 0.92 * Math.sin(angle),
        Number(n(radius * 0.045)),
        `fill="${gold}"`,
      )
    }) +
    `<path d="M72 ${y}h${128 - radius - 26}M${200 + radius + 26} ${y}h${128 - radius - 26}" stroke="${gold}" stroke-width="1.4"/>`
  )
}

/** A bookmark's end over the top edge. */
function ribbon(random: Random): string {
  const colour = random.pick(['#a32532', '#8d1f3d', '#b0432a'])
  return (
    `<path d="M316 0h40v86l-20 -16 -20 16z" fill="#000" opacity=".25" transform="translate(3 4)"/>` +
    `<path d="M316 0h40v86l-20 -16 -20 16z" fill="${colour}"/>` +
    `<path d="M320 0v79M352 0v79" stroke="${gold}" stroke-width="1.2"/>` +
    `<text font-family="'Iowan Old Style','Palatino Linotype',Palatino,'Noto Serif',Georgia,serif" fill="#f8e9bd" text-anchor="middle">` +
    `<tspan x="336" y="34" font-size="22">№</tspan></text>` +
    many(3, (i) => rosette(336, 45 + i * 9, 3.6, 5, `fill="#f8e9bd"`))
  )
}
