import { SaxesParser } from 'saxes'
import { entities } from './character-names.ts'
import type { FileText } from './file-text.ts'
import { isVoid } from './html-text.ts'
import { OnixElement } from './onix-element.ts'
import { onixName } from './onix-names.ts'
import { type OnixPiece, onixPieces } from './onix-pieces.ts'

/** A header or a product with the line it begins on, or why it is none. */
export type OnixPart = { line: number; name: 'Header' | 'Product' } & (
  | { kind: 'element'; element: OnixElement; repaired?: string }
  | { kind: 'broken'; message: string }
)

/** A product takes some hundreds; this bounds what is kept of one in memory. */
const elementsMax = 20_000
const depthMax = 200

/**
 * The headers and products of an ONIX file, one at a time. Entities declared in the file or outside it are never read;
 * the named characters that ONIX 2.1 allows are known here, other names stay as they are.
 * @throws UnreadableFile when it is no ONIX or is cut off
 */
export async function* onixProducts(text: FileText): AsyncGenerator<OnixPart> {
  for await (const piece of onixPieces(text)) yield partOf(piece)
}

function partOf(piece: OnixPiece): OnixPart {
  const { line, name } = piece
  if (piece.kind === 'broken') return { kind: 'broken', line, name, message: piece.message }
  try {
    return { kind: 'element', line, name, element: parsed(piece.xml) }
  } catch (error) {
    const mended = withAmpersandsEscaped(piece.xml)
    if (mended !== piece.xml)
      try {
        return {
          kind: 'element',
          line,
          name,
          element: parsed(mended),
          repaired: 'a bare & is read as the character',
        }
      } catch {
        // What is told is the first fault, in the file's own text.
      }
    return { kind: 'broken', line, name, message: wordsOf(error, line) }
  }
}

/** The parser counts lines from the beginning of the piece. */
function wordsOf(error: unknown, line: number): string {
  const message = error instanceof Error ? error.message : String(error)
  const [, within, column, what = message] = /^(\d+):(\d+): (.*)$/s.exec(message) ?? []
  if (within === undefined) return `is not well-formed XML: ${what}`
  return `is not well-formed XML (line ${line + Number(within) - 1}, column ${column}): ${what}`
}

/** A bare `&` outside of CDATA, where it is the character already. */
function withAmpersandsEscaped(xml: string): string {
  let out = ''
  let at = 0
  for (;;) {
    const start = xml.indexOf('<![CDATA[', at)
    const end = start < 0 ? -1 : xml.indexOf(']]>', start)
    out += xml.slice(at, end < 0 ? undefined : start).replace(bareAmpersand, '&amp;')
    if (end < 0) return out
    out += xml.slice(start, end)
    at = end
  }
}
const bareAmpersand = /&(?!(?:#\d{1,7}|#x[\da-fA-F]{1,6}|[A-Za-z][\w.-]{0,30});)/g

/** Characters that XML does not have; a value that held one is known by the mark. Source: XML 1.0, section 2.2. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const noXmlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

const knownEntities = Object.fromEntries(entities)

/** References to such characters too, which no parser takes. */
const withXmlCharacters = (xml: string) => {
  const plain = xml.replace(noXmlCharacters, '\ufffd')
  if (!plain.includes('&#')) return plain
  return plain.replace(/&#(?:x([\da-f]{1,8})|(\d{1,10}));/gi, (whole, hex, decimal) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
    return isCharacter && String.fromCodePoint(code).search(noXmlCharacters) < 0 ? whole : '\ufffd'
  })
}

/** @throws the parser's Error */
function parsed(xml: string): OnixElement {
  const parser = new SaxesParser({ xmlns: false, position: true })
  Object.assign(parser.ENTITIES, knownEntities)
  const builder = new Builder()
  parser.on('opentag', (tag) => builder.open(tag.name, tag.attributes as Record<string, string>))
  parser.on('text', (part) => builder.text(part))
  parser.on('cdata', (part) => builder.text(part))
  parser.on('closetag', (tag) => builder.close(tag.name))
  parser.on('error', (error) => {
    if (!error.message.endsWith('undefined entity.')) throw error
  })
  parser.write(withXmlCharacters(xml)).close()
  return builder.root()
}

class Builder {
  #root: OnixElement | undefined
  readonly #path: OnixElement[] = []
  /** How many elements of XHTML are open. */
  #markup = 0
  #elements = 0

  root(): OnixElement {
    if (this.#root === undefined) throw new Error('has no element')
    return this.#root
  }

  open(tag: string, attributes: Record<string, string>): void {
    if (++this.#elements > elementsMax) throw new Error(`it has more than ${elementsMax} elements`)
    if (this.#path.length + this.#markup > depthMax)
      throw new Error(`its elements are nested deeper than ${depthMax}`)
    const parent = this.#path.at(-1)
    if (parent !== undefined && (this.#markup > 0 || isMarkup(tag) || proseNames.has(parent.name))) {
      this.#markup++
      parent.html = (parent.html ?? escaped(parent.text)) + tagOf(tag, altOf(attributes))
      return
    }
    const element = new OnixElement(onixName(tag), attributes)
    if (parent === undefined) this.#root = element
    else parent.children.push(element)
    this.#path.push(element)
  }

  text(part: string): void {
    const element = this.#path.at(-1)
    if (element === undefined) return
    element.text += part
    if (element.html !== undefined) element.html += escaped(part)
  }

  close(tag: string): void {
    if (this.#markup === 0) {
      this.#path.pop()
      return
    }
    this.#markup--
    const element = this.#path.at(-1)
    // The end of `<br/>` is none of its own: HTML would break the line again.
    if (element?.html !== undefined && !isVoid(localOf(tag))) element.html += tagOf(`/${tag}`)
  }
}

const localOf = (tag: string) => tag.slice(tag.indexOf(':') + 1).toLowerCase()
/** Elements of which everything inside is text, whatever it is called. */
const proseNames = new Set([
  'Text',
  'BiographicalNote',
  'ContributorStatement',
  'Annotation',
  'MainDescription',
  'IllustrationsNote',
  'EditionStatement',
])
/** What is no element of XHTML has words, but no structure. */
const tagOf = (tag: string, attributes = '') =>
  isMarkup(tag.replace('/', ''))
    ? `<${tag.startsWith('/') ? '/' : ''}${localOf(tag.replace('/', ''))}${attributes}>`
    : ' '
const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
const altOf = (attributes: Record<string, string>) =>
  attributes.alt === undefined ? '' : ` alt="${escaped(attributes.alt).replace(/"/g, '&quot;')}"`

/** XHTML inside a text, as ONIX allows it. Source: ONIX for Books 3.0, XHTML subset; short tags clash with none. */
const markup = new Set(
  'p br em strong b i u s ul ol li dl dt dd div span sup sub a abbr acronym address bdo big blockquote cite code dfn font h1 h2 h3 h4 h5 h6 hr img kbd pre q rb rbc rp rt rtc ruby samp small strike table tbody td tfoot th thead tr caption col colgroup tt var del ins mark center script style'.split(
    ' ',
  ),
)
const isMarkup = (tag: string) => markup.has(localOf(tag))
