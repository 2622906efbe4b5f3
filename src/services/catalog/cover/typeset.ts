import { breakLines } from './line-breaks.ts'
import { widthOf } from './text-width.ts'

/** A text set into a rectangle, as large as it fits. Lengths are in the cover's units; the cover is 400 wide. */
export type TextBox = {
  text: string
  x: number
  y: number
  width: number
  height: number
  /** Largest and smallest size of type; what does not fit the smallest is cut with an ellipsis. */
  size: readonly [max: number, min: number]
  fill: string
  face?: Face
  bold?: boolean
  italic?: boolean
  capitals?: boolean
  /** Letter spacing in parts of the size. */
  tracking?: number
  /** Line distance in parts of the size. */
  leading?: number
  align?: 'start' | 'middle' | 'end'
  vertical?: 'top' | 'middle' | 'bottom'
}

export type Face = 'serif' | 'sans'

// Faces that come with systems; no cover may load anything. The estimates of widths hold for the widest of them.
const families: Readonly<Record<Face, string>> = {
  serif:
    "'Iowan Old Style','Palatino Linotype',Palatino,'Noto Serif',Georgia,'Noto Serif CJK SC','Songti SC',serif",
  sans: "'Avenir Next','Gill Sans','Segoe UI','Noto Sans','Helvetica Neue',Arial,'Noto Sans CJK SC','PingFang SC',sans-serif",
}

export type SetText = { svg: string; size: number; top: number; bottom: number }

/** Sets a text: the largest size whose lines fit the box, broken evenly. */
export function typeset(box: TextBox): SetText {
  const text = box.capitals && isCased(box.text) ? box.text.toUpperCase() : box.text
  if (text === '') return { svg: '', size: 0, top: box.y, bottom: box.y }
  const leading = box.leading ?? 1.16
  const { size, lines } = fitted(text, box, leading)
  const height = ((lines.length - 1) * leading + 1) * size
  const free = Math.max(0, box.height - height)
  const top = box.y + (box.vertical === 'bottom' ? free : box.vertical === 'middle' ? free / 2 : 0)
  const rightToLeft = isRightToLeft(text)
  const align = box.align ?? 'middle'
  const atRight = align === 'middle' ? undefined : (align === 'end') !== rightToLeft
  const x = box.x + (atRight === undefined ? box.width / 2 : atRight ? box.width : 0)
  // A line's letters hang from about four fifths of its size.
  const spans = lines.map(
    (line, i) =>
      `<tspan x="${round(x)}" y="${round(top + (0.8 + i * leading) * size)}">${escapeXml(line)}</tspan>`,
  )
  const style = [
    `font-family="${families[box.face ?? 'serif']}"`,
    `font-size="${round(size)}"`,
    `fill="${box.fill}"`,
    align === 'middle' ? 'text-anchor="middle"' : align === 'end' ? 'text-anchor="end"' : '',
    box.bold ? 'font-weight="700"' : '',
    box.italic ? 'font-style="italic"' : '',
    box.tracking && !rightToLeft ? `letter-spacing="${round(box.tracking * size)}"` : '',
    rightToLeft ? 'direction="rtl"' : '',
  ]
  const svg = `<text ${style.filter((each) => each !== '').join(' ')}>${spans.join('')}</text>`
  return { svg, size, top, bottom: top + height }
}

function fitted(text: string, box: TextBox, leading: number): { size: number; lines: string[] } {
  const [max, min] = box.size
  const measure = (part: string) => widthOf(part, box.bold ?? false, box.tracking ?? 0)
  for (let size = max; size >= min; size -= size > 30 ? 2 : 1) {
    const lines = breakLines(text, box.width / size, measure, false)
    if (lines !== undefined && ((lines.length - 1) * leading + 1) * size <= box.height) return { size, lines }
  }
  const lines = breakLines(text, box.width / min, measure, true) ?? [text]
  const room = Math.max(1, Math.floor((box.height / min - 1) / leading + 1))
  return {
    size: min,
    lines: lines.length <= room ? lines : [...lines.slice(0, room - 1), `${lines[room - 1]}…`],
  }
}

/** The first letter with a direction decides. Source: Unicode Annex 9, rules P2 and P3. */
export function isRightToLeft(text: string): boolean {
  const first = /\p{L}/u.exec(text)?.[0] ?? ''
  return /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(first)
}

const isCased = (text: string) => text.toLowerCase() !== text.toUpperCase()

/** Text for XML 1.0: markup escaped, characters that XML cannot hold left out. Source: XML 1.0, section 2.2. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

export const round = (value: number) => Math.round(value * 10) / 10
