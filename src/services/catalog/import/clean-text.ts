import { entities } from './character-names.ts'
import { hasMarkup, type Inline, textOfHtml, withoutPairedTags } from './html-text.ts'

/** Text of one line out of a cell that may hold HTML: its tags removed, entities decoded, blanks collapsed. */
export function cleanLine(text: string): string {
  let line = decodeEntities(withoutPairedTags(text))
  // "AT&amp;amp;T" was escaped once too often; a title that means "&amp;" itself is the rarer one.
  if (/&(?:amp|#\d{2,7}|[A-Za-z]{4,8});/.test(line)) line = decodeEntities(line)
  return line.replace(/\s+/gu, ' ').trim()
}

const escapedTooOftenMax = 3

/**
 * The same for text of several paragraphs, whose structure stays as lines: paragraphs, items, rows, quotations. HTML
 * that was escaped, once or more often, is read as the HTML it is, unless it stands beside real tags.
 */
export function cleanParagraphs(given: string, isKnownHtml = false): string {
  let text = given
  for (let i = 0; i < escapedTooOftenMax; i++) {
    const isHtml = isKnownHtml || hasMarkup(text)
    text = isHtml ? textOfHtml(text, inline) : decodeEntities(text)
    if (isHtml || !(hasMarkup(text) || hasMarkup(decodeEntities(text)))) break
  }
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[^\S\n]+/gu, ' ')
    .replace(/ ?\u00b7 ?(?=\n|$)/g, '')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

const inline: Inline = { decode: decodeEntities }

/** What `&#150;` means wherever it is written, as in HTML. Source: HTML Standard, section 13.2.5.80. */
const windows1252 = new TextDecoder('windows-1252')

/** Decodes `&eacute;`, `&#233;` and `&#xE9;`; what names no character stays as it is. */
function decodeEntities(text: string): string {
  if (!/[&\u0080-\u009F]/.test(text)) return text
  const decoded = text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]\w{1,10}));/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined) return entities.get(name) ?? whole
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      const isCharacter = code > 0x1f && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
      return isCharacter ? String.fromCodePoint(code) : whole
    },
  )
  return decoded.replace(/[\u0080-\u009F]/g, (control) =>
    windows1252.decode(Uint8Array.of(control.charCodeAt(0))),
  )
}
