import { shapes } from './shapes.ts'

/** What readers of files have stumbled over, each a piece to put somewhere. */
const pieces = [
  ...[
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?',
    '?>',
    '<!DOCTYPE x [',
    '<!x>',
    '<a b="',
    "<a '>",
    '</',
    '/>',
    '<',
    '>',
  ],
  ...['&', '&amp;amp;', '&#0;', '&#x110000;', '&#xD800;', '&undefined;', '&lt;p&gt;', '&#150;'],
  ...[
    '"',
    '""',
    "'",
    '\r',
    '\n',
    '\r\n',
    '\0',
    '\ufeff',
    '\ufffd',
    '\u202a',
    '\u2028',
    '\ud83d',
    'É',
    '書',
    '\u0301',
  ],
  ...[
    '<Product>',
    '</Product>',
    '<product>',
    '<ONIXMessage>',
    '</ONIXMessage>',
    '<Header/>',
    '<Price>',
    '<p>',
    '<ruby>',
  ],
  ...[
    ',',
    ';',
    '\t',
    '|',
    'sep=',
    '=',
    '-',
    '(',
    ')',
    '[',
    ']',
    ' and ',
    ' & ',
    '/',
    '%',
    '€',
    '$',
    'kr',
    'EUR',
    'XXX',
  ],
  ...[
    '0',
    '9',
    '-1',
    '1e999',
    '9.78E+12',
    '12.500',
    '1,234,567.89',
    '99999999999999999999',
    '20270231',
    '0000',
  ],
  ...[
    ' ',
    '   ',
    '\u00a0',
    '\t\t',
    'undefined',
    '__proto__',
    'constructor',
    'null',
    '{}',
    '["x"]',
    '[{"name":1}]',
  ],
]
/** Pieces that are repeated come to as much as this. */
const repeatedCharactersMax = 200_000

export type Mutated = { shape: string; bytes: Buffer }

/** A catalogue that somebody or something has damaged, by a seed's numbers. */
export function mutated(random: () => number): Mutated {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const shape = pick(shapes)
  let text = shape.text
  const place = () => Math.floor(random() * (text.length + 1))
  const span = () => {
    const from = place()
    return [from, from + Math.ceil(random() ** 3 * text.length * 0.5)] as const
  }
  const insert = (at: number, more: string) => text.slice(0, at) + more + text.slice(at)
  const edits: readonly (() => string)[] = [
    () => insert(place(), pick(pieces)),
    () => insert(place(), pick(pieces) + pick(pieces) + pick(pieces)),
    () => {
      const [from, to] = span()
      return text.slice(0, from) + text.slice(to)
    },
    () => {
      const [from, to] = span()
      return insert(place(), text.slice(from, to))
    },
    () => {
      const [from, to] = span()
      return text.slice(0, from) + pick(pieces) + text.slice(to)
    },
    () => insert(place(), pick(shapes).text),
    () => text.slice(0, place()),
    () => swapped(text, place(), pick(pieces)),
  ]
  const count = 1 + Math.floor(random() * 6)
  for (let i = 0; i < count; i++) text = pick(edits)()
  if (random() < 0.05) text = insert(place(), repeated(pick(pieces), pick(pieces), random))
  return { shape: shape.name, bytes: encoded(text, random) }
}

/** The value between two tags, or of one cell, becomes another one. */
function swapped(text: string, at: number, piece: string): string {
  const from = Math.max(text.lastIndexOf('>', at), text.lastIndexOf(',', at), text.lastIndexOf(';', at)) + 1
  const ends = ['<', ',', ';'].map((mark) => text.indexOf(mark, from)).filter((end) => end >= 0)
  return text.slice(0, from) + piece + text.slice(Math.min(...ends, text.length))
}

function repeated(piece: string, between: string, random: () => number): string {
  const one = random() < 0.5 ? piece : piece + between
  return one.repeat(Math.ceil((random() ** 2 * repeatedCharactersMax) / one.length))
}

function encoded(text: string, random: () => number): Buffer {
  const kind = random()
  const bytes = Buffer.from(text, kind < 0.85 ? 'utf8' : kind < 0.95 ? 'latin1' : 'utf16le')
  const flips = random() < 0.3 ? 1 + Math.floor(random() * 4) : 0
  for (let i = 0; i < flips; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
  return bytes
}
