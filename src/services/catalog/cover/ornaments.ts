import { circle, many, n } from './designs/design.ts'
import type { Random } from './random.ts'

/** A rosette of petals around a point. */
export function rosette(x: number, y: number, radius: number, petals: number, paint: string): string {
  const width = radius * Math.min(0.42, 2.2 / petals)
  const petal = `M0 0C${n(width)} ${n(-radius * 0.35)} ${n(width)} ${n(-radius * 0.75)} 0 ${n(-radius)}C${n(-width)} ${n(-radius * 0.75)} ${n(-width)} ${n(-radius * 0.35)} 0 0z`
  return many(
    petals,
    (i) =>
      `<path d="${petal}" transform="translate(${n(x)} ${n(y)}) rotate(${n((360 / petals) * i)})" ${paint}/>`,
  )
}

/** A rule that ends in tapered points, with an ornament in the middle. */
export function rule(x: number, y: number, width: number, fill: string, random: Random): string {
  const half = width / 2
  const gap = 12
  const wing = (side: 1 | -1) =>
    `<path d="M${n(x + side * gap)} ${n(y - 1)}L${n(x + side * half)} ${n(y)}L${n(x + side * gap)} ${n(y + 1)}z" fill="${fill}"/>`
  const middle = random.pick([
    () => `<path d="M${n(x)} ${n(y - 6)}l5 6-5 6-5-6z" fill="${fill}"/>`,
    () => circle(x, y, 3.4, `fill="${fill}"`),
    () => rosette(x, y, 8, 4, `fill="${fill}"`),
    () => many(3, (i) => circle(x + (i - 1) * 8, y, 2, `fill="${fill}"`)),
    () => rosette(x, y, 8, 6, `fill="${fill}"`),
  ])
  return wing(1) + wing(-1) + middle()
}

/** A leaf from the origin to (length, 0), as path data. */
export function leaf(length: number, width: number): string {
  return `M0 0C${n(length * 0.3)} ${n(-width)} ${n(length * 0.75)} ${n(-width * 0.8)} ${n(length)} 0C${n(length * 0.75)} ${n(width * 0.8)} ${n(length * 0.3)} ${n(width)} 0 0z`
}

/** A pattern that fills the plane, as a `<pattern>` under the id given. */
export function patternOf(id: string, first: string, second: string, random: Random): string {
  const draw = random.pick(patterns)
  const { size, svg } = draw(first, second)
  const turn = random.pick([0, 0, 45])
  return (
    `<pattern id="${id}" width="${size}" height="${size}" patternUnits="userSpaceOnUse" ` +
    `patternTransform="rotate(${turn}) scale(${random.pick([1, 1.15, 1.3])})">${svg}</pattern>`
  )
}

type Pattern = (first: string, second: string) => { size: number; svg: string }

const patterns: readonly Pattern[] = [
  // Sprigs
  (first, second) => ({
    size: 40,
    svg: [0, 20]
      .map(
        (d) =>
          `<g transform="translate(${10 + d} ${12 + d})" fill="${first}"><path d="M0 12V-2" stroke="${first}" stroke-width="1.2"/>` +
          `<path d="${leaf(9, 3)}" transform="translate(0 6) rotate(-35)"/><path d="${leaf(9, 3)}" transform="translate(0 6) rotate(-145)"/>` +
          `<circle cy="-4" r="2.6" fill="${second}"/></g>`,
      )
      .join(''),
  }),
  // Scales
  (first, second) => ({
    size: 36,
    svg: [
      [0, 18],
      [36, 18],
      [18, 36],
      [18, 0],
    ]
      .map(
        ([x = 0, y = 0]) =>
          circle(x, y, 18, `fill="none" stroke="${first}" stroke-width="1.6"`) +
          circle(x, y, 9, `fill="none" stroke="${second}" stroke-width="1.4"`),
      )
      .join(''),
  }),
  // Stars of eight points
  (first, second) => ({
    size: 32,
    svg:
      rosette(16, 16, 11, 8, `fill="${first}"`) +
      many(4, (i) => circle((i % 2) * 32, i < 2 ? 0 : 32, 3, `fill="${second}"`)),
  }),
  // Lozenges
  (first, second) => ({
    size: 28,
    svg:
      `<path d="M14 2l12 12-12 12L2 14z" fill="none" stroke="${first}" stroke-width="1.8"/>` +
      `<path d="M14 9l5 5-5 5-5-5z" fill="${second}"/>`,
  }),
  // Waves
  (first, second) => ({
    size: 32,
    svg: [4, 20]
      .map(
        (y, i) =>
          `<path d="M-8 ${y}q8 -9 16 0t16 0t16 0" fill="none" stroke="${i === 0 ? first : second}" stroke-width="2.6" stroke-linecap="round"/>`,
      )
      .join(''),
  }),
  // Crosses and dots
  (first, second) => ({
    size: 26,
    svg:
      `<path d="M13 6v14M6 13h14" stroke="${first}" stroke-width="2.4" stroke-linecap="round"/>` +
      many(4, (i) => circle((i % 2) * 26, i < 2 ? 0 : 26, 2.6, `fill="${second}"`)),
  }),
  // Brushed stripes
  (first, second) => ({
    size: 24,
    svg: `<path d="M4 0v24" stroke="${first}" stroke-width="4"/><path d="M13 0v24" stroke="${second}" stroke-width="1.6"/><path d="M19 0v24" stroke="${first}" stroke-width="1"/>`,
  }),
]
