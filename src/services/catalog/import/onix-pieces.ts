import type { FileText } from './file-text.ts'
import { onixName } from './onix-names.ts'
import { UnreadableFile } from './source.ts'

/** A header or a product as it stands in the file, with the line it begins on; or why there is none. */
export type OnixPiece = { line: number; name: 'Header' | 'Product' } & (
  | { kind: 'xml'; xml: string }
  | { kind: 'broken'; message: string }
)

const tagCharactersMax = 64 * 1024
const pieceCharactersMax = 2_000_000

/**
 * Cuts an ONIX file into headers and products without parsing it, so that what is wrong with one product costs that
 * one: whole messages, several in one file, and products without a message around them. Document types are skipped.
 * Memory is bounded by the longest product taken.
 * @throws UnreadableFile when it is no ONIX, cut off, or has a tag that never ends outside a product
 */
export async function* onixPieces(text: FileText): AsyncGenerator<OnixPiece> {
  const cutter = new Cutter()
  for await (const piece of text) {
    cutter.write(piece)
    yield* cutter.found.splice(0)
  }
  cutter.end()
  yield* cutter.found.splice(0)
}

/** What is skipped up to its end, however long it is. */
type Skipping = { until: string } | undefined

class Cutter {
  readonly found: OnixPiece[] = []
  #text = ''
  /** Where the next token begins. */
  #at = 0
  /** Line of `#counted`. */
  #line = 1
  #counted = 0
  #skipping: Skipping
  /** The header or product being read: where it begins, or that it is too long and only its end is looked for. */
  #piece: { name: 'Header' | 'Product'; start: number; line: number; isDropped: boolean } | undefined
  #isMessage = false
  #openMessages = 0

  write(more: string): void {
    this.#text += more
    while (this.#next()) {
      // Each turn takes one token.
    }
    this.#forget()
  }

  end(): void {
    if (this.#piece !== undefined)
      throw new UnreadableFile(
        `the file is cut off: the ${this.#piece.name.toLowerCase()} that begins on line ${this.#piece.line} does not end`,
      )
    if (!this.#isMessage) throw new UnreadableFile('the file is XML but no ONIX message: it has no element')
    if (this.#openMessages > 0) throw new UnreadableFile('the file is cut off: its ONIX message does not end')
  }

  /** Takes the next token; false when the rest of it has not come yet. */
  #next(): boolean {
    if (this.#skipping !== undefined) return this.#skip(this.#skipping.until)
    const start = this.#text.indexOf('<', this.#at)
    if (start < 0) {
      this.#at = this.#text.length
      return false
    }
    this.#at = start
    if (this.#text.length - start < 9 && '<![CDATA['.startsWith(this.#text.slice(start, start + 9)))
      return false
    if (this.#text.startsWith('<!--', start)) return this.#startSkipping(4, '-->')
    if (this.#text.startsWith('<![CDATA[', start)) return this.#startSkipping(9, ']]>')
    if (this.#text.startsWith('<?', start)) return this.#startSkipping(2, '?>')
    const end = this.#text.startsWith('<!', start) ? doctypeEnd(this.#text, start) : tagEnd(this.#text, start)
    if (end < 0) return this.#waitForTag(start)
    this.#at = end + 1
    this.#tag(start, end)
    return true
  }

  #startSkipping(characters: number, until: string): true {
    this.#at += characters
    this.#skipping = { until }
    return true
  }

  #skip(until: string): boolean {
    const end = this.#text.indexOf(until, this.#at)
    if (end < 0) {
      this.#at = Math.max(this.#at, this.#text.length - until.length + 1)
      return false
    }
    this.#at = end + until.length
    this.#skipping = undefined
    return true
  }

  #waitForTag(start: number): boolean {
    if (this.#text.length - start <= tagCharactersMax) return false
    const line = this.#lineAt(start)
    const message = `line ${line}: a tag is longer than ${tagCharactersMax / 1024} KiB`
    const piece = this.#piece
    if (piece === undefined) throw new UnreadableFile(message)
    if (!piece.isDropped)
      this.#drop(`has a tag on line ${line} that is longer than ${tagCharactersMax / 1024} KiB`)
    this.#at = this.#text.length
    return false
  }

  #tag(start: number, end: number): void {
    if (this.#text[start + 1] === '!') return
    const match = /^<(\/?)([^\s/>]{1,200})/.exec(this.#text.slice(start, Math.min(end + 1, start + 210)))
    if (match === null) return
    const name = onixName(match[2] ?? '')
    const isClosing = match[1] === '/'
    const isEmpty = this.#text[end - 1] === '/'
    if (!this.#isMessage) this.#expectOnix(name)
    if (name.toLowerCase() === 'onixmessage' && !isEmpty) this.#openMessages += isClosing ? -1 : 1
    if (name !== 'Product' && name !== 'Header') return
    if (isClosing) this.#close(name, end)
    else if (!isEmpty) this.#open(name, start)
  }

  #expectOnix(name: string): void {
    const known = name.toLowerCase() === 'onixmessage' || name === 'Product' || name === 'Header'
    if (!known)
      throw new UnreadableFile(`the file is XML but no ONIX message: it begins with <${name.slice(0, 40)}>`)
    this.#isMessage = true
  }

  #open(name: 'Header' | 'Product', start: number): void {
    if (this.#piece !== undefined && !this.#piece.isDropped)
      this.#drop('does not end before the next one begins')
    this.#piece = { name, start, line: this.#lineAt(start), isDropped: false }
  }

  #close(name: string, end: number): void {
    const piece = this.#piece
    if (piece === undefined || piece.name !== name) return
    this.#piece = undefined
    if (piece.isDropped) return
    const xml = this.#text.slice(piece.start, end + 1)
    if (xml.length > pieceCharactersMax) this.#pushBroken(piece, tooLong)
    else this.found.push({ kind: 'xml', line: piece.line, name: piece.name, xml })
  }

  /** Reports the piece and goes on looking for where the next one begins. */
  #drop(message: string): void {
    const piece = this.#piece
    if (piece === undefined) return
    piece.isDropped = true
    // What swallowed the product may be a comment that nothing ends.
    this.#skipping = undefined
    this.#pushBroken(piece, message)
  }

  #pushBroken({ name, line }: { name: 'Header' | 'Product'; line: number }, message: string): void {
    this.found.push({ kind: 'broken', name, line, message })
  }

  /** Lets go of what was taken, and of a product that has grown too long. */
  #forget(): void {
    const piece = this.#piece
    if (piece !== undefined && !piece.isDropped && this.#text.length - piece.start > pieceCharactersMax)
      this.#drop(tooLong)
    const kept = piece === undefined || piece.isDropped ? this.#at : piece.start
    if (kept < 64 * 1024 && kept < this.#text.length) return
    this.#lineAt(kept)
    this.#text = this.#text.slice(kept)
    this.#at -= kept
    this.#counted = 0
    if (piece !== undefined && !piece.isDropped) piece.start = 0
  }

  #lineAt(position: number): number {
    for (
      let i = this.#text.indexOf('\n', this.#counted);
      i >= 0 && i < position;
      i = this.#text.indexOf('\n', i + 1)
    )
      this.#line++
    this.#counted = position
    return this.#line
  }
}

const tooLong = 'is larger than two million characters'

/** Where a tag ends; a `>` inside a quoted value is none. */
function tagEnd(text: string, start: number): number {
  const end = text.indexOf('>', start)
  if (end < 0) return -1
  if (!/["']/.test(text.slice(start, end))) return end
  let quote = ''
  for (let i = start + 1; i < text.length && i - start <= tagCharactersMax; i++) {
    const character = text[i] ?? ''
    if (quote !== '') quote = character === quote ? '' : quote
    else if (character === '"' || character === "'") quote = character
    else if (character === '>') return i
  }
  // A quote that nothing closes ends with its tag, which the parser then refuses.
  return text.length - start > tagCharactersMax ? end : -1
}

/** A document type may declare entities between brackets; none of them is heeded. */
function doctypeEnd(text: string, start: number): number {
  const end = text.indexOf('>', start)
  const bracket = end < 0 ? text.indexOf('[', start) : text.slice(start, end).indexOf('[') + start
  if (bracket < start) return end
  const close = text.indexOf(']', bracket)
  return close < 0 ? -1 : text.indexOf('>', close)
}
