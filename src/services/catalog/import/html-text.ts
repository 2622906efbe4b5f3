/** How the text between tags is decoded. */
export type Inline = { decode: (text: string) => string }

/** Elements of HTML by what they do to the lines of a text; those of XHTML as ONIX allows it are among them. */
const blocks = new Set(
  'p div section article header footer address aside main figure figcaption blockquote ul ol dl table caption pre center h1 h2 h3 h4 h5 h6 form fieldset details summary'.split(
    ' ',
  ),
)
const lines = new Set('li dt dd tr'.split(' '))
const inlines = new Set(
  'a abbr acronym b bdo bdi big br cite code del dfn em font hr i img ins kbd mark q rb rbc rp rt rtc ruby s samp small span strike strong style script sub sup tbody td tfoot th thead time tt u var wbr o:p st1:place'.split(
    ' ',
  ),
)
const voids = new Set('br hr img wbr'.split(' '))
export const isVoid = (name: string) => voids.has(name)

/** Elements whose words are none of the text's; a ruby's own parentheses are ours. */
const unseen = new Set(['script', 'style', 'rp'])

const isMarkup = (name: string) => blocks.has(name) || lines.has(name) || inlines.has(name)

const tagPattern = /<(\/?)([a-zA-Z][\w:]{0,20})((?:\s[^<>]{0,2000})?)(\/?)>/g
/** Tags that a text about tags would hardly write in pairs, or alone. */
const structural =
  /<(?:\/(?:p|div|li|ul|ol|b|i|em|strong|span|h\d|a|td|tr|table|blockquote|q|u|sup|sub|small|cite|font)\s*|br\s*\/?|p\s*\/?|p\s[^<>]*)>/i

/** Whether a text is HTML rather than words about it. */
export const hasMarkup = (text: string) => structural.test(text)

/**
 * Takes tags of HTML out of a line where they come in pairs, or need none; `<canvas>` in a title is a word, and so is
 * a `<b>` that nothing closes.
 */
export function withoutPairedTags(text: string): string {
  if (!text.includes('<')) return text
  const given = withoutComments(text)
  const counts = new Map<string, { opened: number; closed: number }>()
  for (const [, slash, name = ''] of given.matchAll(tagPattern)) {
    const count = counts.get(name.toLowerCase()) ?? { opened: 0, closed: 0 }
    if (slash === '/') count.closed++
    else count.opened++
    counts.set(name.toLowerCase(), count)
  }
  return given.replace(tagPattern, (whole, _slash, name: string, attributes: string, end: string) => {
    const known = name.toLowerCase()
    const { opened = 0, closed = 0 } = counts.get(known) ?? {}
    const isTag =
      isMarkup(known) &&
      (voids.has(known) || (opened > 0 && closed > 0) || end === '/' || attributes.includes('='))
    if (!isTag) return whole
    return voids.has(known) || blocks.has(known) || lines.has(known) ? ' ' : ''
  })
}

/** The text of HTML, line by line, with no word lost: what is no element of HTML stays as it is written. */
export function textOfHtml(given: string, { decode }: Inline): string {
  const html = withoutComments(given)
  const lists: { ordered: boolean; items: number }[] = []
  let out = ''
  let hidden = ''
  let at = 0
  const words = (text: string) => {
    if (hidden === '') out += decode(text.replace(/\s+/gu, ' '))
  }
  for (const match of html.matchAll(tagPattern)) {
    const [whole, slash, rawName, attributes = ''] = match
    const name = (rawName ?? '').toLowerCase()
    if (!isMarkup(name)) continue
    words(html.slice(at, match.index))
    at = match.index + whole.length
    const isClosing = slash === '/'
    if (hidden !== '') {
      if (isClosing && name === hidden) hidden = ''
    } else if (!isClosing && unseen.has(name) && html.includes(`</${name}`, at)) hidden = name
    else out += separatorOf(name, isClosing, attributes, lists)
  }
  words(html.slice(at))
  return out
}

function withoutComments(text: string): string {
  let out = ''
  let at = 0
  for (;;) {
    const start = text.indexOf('<!--', at)
    const end = start < 0 ? -1 : text.indexOf('-->', start + 4)
    if (end < 0) return out + text.slice(at)
    out += `${text.slice(at, start)} `
    at = end + 3
  }
}

type Lists = { ordered: boolean; items: number }[]

function separatorOf(name: string, isClosing: boolean, attributes: string, lists: Lists): string {
  if (name === 'ul' || name === 'ol') {
    if (isClosing) lists.pop()
    else lists.push({ ordered: name === 'ol', items: 0 })
    return '\n\n'
  }
  if (name === 'li') return isClosing ? '' : `\n${markerOf(lists.at(-1))}`
  if (blocks.has(name)) return '\n\n'
  if (lines.has(name)) return isClosing ? '' : '\n'
  if (name === 'br') return '\n'
  if (name === 'hr') return '\n\n'
  if (name === 'td' || name === 'th') return isClosing ? ' \u00b7 ' : ' '
  if (name === 'q') return isClosing ? '\u201d' : '\u201c'
  if (name === 'rt') return isClosing ? ')' : ' ('
  if (name === 'img') return /\salt\s*=\s*"([^"]*)"/.exec(attributes)?.[1] ?? ''
  return ''
}

function markerOf(list: { ordered: boolean; items: number } | undefined): string {
  if (list?.ordered !== true) return '\u2022 '
  list.items++
  return `${list.items}. `
}
