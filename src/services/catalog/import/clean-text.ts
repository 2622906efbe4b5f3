/** Text out of a cell that may hold HTML: tags removed, entities decoded, blanks collapsed. */
export function cleanLine(text: string): string {
  return withoutMarkup(text).replace(/\s+/gu, ' ').trim()
}

/** The same for text of several paragraphs, whose line breaks stay. */
export function cleanParagraphs(text: string): string {
  const broken = text.replace(/<\s*(?:br|\/p|\/div|\/li)\b[^<>]*>/gi, '\n')
  return withoutMarkup(broken)
    .replace(/\r\n?/g, '\n')
    .replace(/[^\S\n]+/gu, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** Tags go before entities are decoded, so that a title about `&lt;b&gt;` keeps it. */
function withoutMarkup(text: string): string {
  return decodeEntities(text.replace(/<!--.*?-->/gs, ' ').replace(/<\/?[a-z][^<>]*>/gi, ''))
}

// Names of U+00A0 to U+00FF in their order. Source: HTML 4.01, section 24.2.1.
const latin1 = `nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3
acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig
Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave
Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave
iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml`

/** Characters by the names that HTML and ONIX 2.1 give them. */
export const entities: ReadonlyMap<string, string> = new Map<string, string>([
  ...latin1.split(/\s+/).map((name, i) => [name, String.fromCharCode(0xa0 + i)] as const),
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['ndash', '–'],
  ['mdash', '—'],
  ['lsquo', '‘'],
  ['rsquo', '’'],
  ['sbquo', '‚'],
  ['ldquo', '“'],
  ['rdquo', '”'],
  ['bdquo', '„'],
  ['hellip', '…'],
  ['bull', '•'],
  ['trade', '™'],
  ['euro', '€'],
  ['OElig', 'Œ'],
  ['oelig', 'œ'],
  ['Scaron', 'Š'],
  ['scaron', 'š'],
])

/** Decodes `&eacute;`, `&#233;` and `&#xE9;`; what names no character stays as it is. */
function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]\w{1,10}));/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined) return entities.get(name) ?? whole
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      const isCharacter = code > 0x1f && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
      return isCharacter ? String.fromCodePoint(code) : whole
    },
  )
}
