/** What is drawn side by side: lines over the same sizes, from zero up. */
export type Panel = { title: string; lines: readonly { name: string; values: readonly number[] }[] }

const [panelWidth, panelHeight, left, top, right] = [300, 180, 48, 40, 160]
const width = left + panelWidth + right
const height = top + panelHeight + 40
const colors = ['#2f6f8f', '#b4552d', '#5b7f3a', '#7a5aa6']

const style = `text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600 } .axis { stroke: #999 }
    @media (prefers-color-scheme: dark) { text { fill: #ddd } .axis { stroke: #777 } .line { filter: brightness(1.5) } }`

/**
 * An SVG of panels with lines over sizes, which lie in proportion to their logarithms; readable on light and dark pages.
 * @param sizes two or more, rising
 * @param what is shown, for those who do not see it
 */
export function curveSvg(sizes: readonly number[], panels: readonly Panel[], what: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${what}" width="${width * panels.length}" height="${height}" viewBox="0 0 ${width * panels.length} ${height}">
  <style>${style}</style>
${panels.map((panel, i) => `  <g transform="translate(${i * width + left} ${top})">\n${drawn(sizes, panel)}\n  </g>`).join('\n')}
</svg>
`
}

function drawn(sizes: readonly number[], { title, lines }: Panel): string {
  const most = Math.max(...lines.flatMap(({ values }) => values)) * 1.1
  const [first, last] = [Math.log(sizes[0] ?? 1), Math.log(sizes.at(-1) ?? 2)]
  const x = (size: number) => (((Math.log(size) - first) / (last - first)) * panelWidth).toFixed(1)
  const y = (value: number) => (panelHeight - (value / most) * panelHeight).toFixed(1)
  const ends = apart(lines.map(({ values }) => Number(y(values.at(-1) ?? 0))))
  return [
    `<text class="title" x="0" y="-20">${title}</text>`,
    `<path class="axis" fill="none" d="M0 0V${panelHeight}H${panelWidth}"/>`,
    ...[0, most / 2, most].map(
      (value) =>
        `<text x="-6" y="${Number(y(value)) + 4}" text-anchor="end">${Math.round(value).toLocaleString('en')}</text>`,
    ),
    ...sizes.map(
      (size) =>
        `<text x="${x(size)}" y="${panelHeight + 18}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
    ),
    ...lines.flatMap(({ name, values }, i) => {
      const points = values.map((value, at) => `${x(sizes[at] ?? 1)},${y(value)}`).join(' ')
      const color = colors[i % colors.length]
      return [
        `<polyline class="line" fill="none" stroke="${color}" stroke-width="2" points="${points}"/>`,
        `<text x="${panelWidth + 8}" y="${(ends[i] ?? 0) + 4}"><tspan fill="${color}">●</tspan> ${name}</text>`,
      ]
    }),
  ]
    .map((line) => `    ${line}`)
    .join('\n')
}

/** Heights at least a line of text apart, in the order that they have. */
function apart(heights: readonly number[]): number[] {
  const order = heights.map((height, i) => ({ height, i })).sort((a, b) => a.height - b.height)
  const placed: number[] = []
  let least = Number.NEGATIVE_INFINITY
  for (const { height, i } of order) {
    placed[i] = Math.max(height, least)
    least = (placed[i] ?? 0) + 15
  }
  return placed
}
