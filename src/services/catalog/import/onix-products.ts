import { SaxesParser } from 'saxes'
import { entities } from './clean-text.ts'
import type { FileText } from './file-text.ts'
import { onixName } from './onix-names.ts'
import { UnreadableFile } from './source.ts'

/** An element of a product under its reference name, whichever form the file uses. */
export type OnixElement = { name: string; children: OnixElement[]; text: string }
/** A product with the line it begins on, or why it is not one. */
export type OnixProduct = { line: number; product: OnixElement | 'too-large' }

/** A product takes some tens of kilobytes; this bounds what is kept of one in memory. */
const elementsMax = 20_000
const charactersMax = 2_000_000

/**
 * Cuts an ONIX message into its products, one at a time. Document types and entities declared in the file or outside
 * it are never read; the named characters that ONIX 2.1 allows are known here, other names stay as they are.
 * @throws UnreadableFile when it is no ONIX, no XML, or cut off
 */
export async function* onixProducts(text: FileText): AsyncGenerator<OnixProduct> {
  const found: OnixProduct[] = []
  const parser = new SaxesParser({ xmlns: false, position: true })
  Object.assign(parser.ENTITIES, Object.fromEntries(entities))
  const builder = new ProductBuilder(() => parser.line, found)
  parser.on('opentag', (tag) => builder.open(tag.name))
  parser.on('text', (part) => builder.text(part))
  parser.on('cdata', (part) => builder.text(part))
  parser.on('closetag', (tag) => builder.close(tag.name))
  parser.on('error', (error) => {
    if (!error.message.endsWith('undefined entity.')) throw error
  })
  for await (const piece of text) {
    guarded(() => parser.write(piece))
    yield* found.splice(0)
  }
  guarded(() => parser.close())
  yield* found.splice(0)
}

/** Says what is wrong in the words of a file, where the parser speaks of its state. */
function guarded(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (error instanceof UnreadableFile) throw error
    const message = (error as Error).message
    const cut = /unclosed tag|unexpected end|document must contain/i.test(message)
    throw new UnreadableFile(
      cut ? `the file is cut off: ${message}` : `the file is not well-formed XML: ${message}`,
    )
  }
}

class ProductBuilder {
  readonly #line: () => number
  readonly #found: OnixProduct[]
  /** Open elements from the product inwards; empty between products. */
  #path: OnixElement[] = []
  #depth = 0
  #begunOn = 0
  #elements = 0
  #characters = 0

  constructor(line: () => number, found: OnixProduct[]) {
    this.#line = line
    this.#found = found
  }

  open(tag: string): void {
    this.#depth++
    if (this.#depth === 1 && tag.toLowerCase() !== 'onixmessage')
      throw new UnreadableFile(`the file is XML but no ONIX message: it begins with <${tag.slice(0, 40)}>`)
    const parent = this.#path.at(-1)
    const element: OnixElement = { name: onixName(tag), children: [], text: '' }
    if (parent === undefined) {
      if (element.name !== 'Product') return
      this.#begunOn = this.#line()
      this.#elements = 0
      this.#characters = 0
    } else if (isMarkup(tag)) parent.text += breaksLine(tag) ? '\n' : ''
    else if (this.#elements++ < elementsMax) parent.children.push(element)
    this.#path.push(element)
  }

  text(part: string): void {
    const element = this.#path.at(-1)
    if (element === undefined) return
    this.#characters += part.length
    if (this.#characters <= charactersMax) element.text += part
  }

  close(tag: string): void {
    this.#depth--
    const element = this.#path.pop()
    if (element === undefined) return
    const parent = this.#path.at(-1)
    if (parent !== undefined) {
      if (isMarkup(tag)) parent.text += element.text + (breaksLine(tag) ? '\n' : '')
      return
    }
    const tooLarge = this.#elements > elementsMax || this.#characters > charactersMax
    this.#found.push({ line: this.#begunOn, product: tooLarge ? 'too-large' : element })
  }
}

/** XHTML inside a text, as ONIX allows it in descriptions. Source: ONIX for Books 3.0, section 7. */
const markup = new Set([
  'p',
  'br',
  'em',
  'strong',
  'b',
  'i',
  'u',
  'ul',
  'ol',
  'li',
  'dl',
  'dt',
  'dd',
  'div',
  'span',
  'sup',
  'sub',
  'a',
  'cite',
  'h1',
  'h2',
  'h3',
  'h4',
])
const isMarkup = (tag: string) => markup.has(tag)
const breaksLine = (tag: string) => ['p', 'br', 'li', 'div', 'dd', 'h1', 'h2', 'h3', 'h4'].includes(tag)
