import { DosDecoder, isDosName, looksLikeDos } from './dos-text.ts'

/** How many bytes after the first that is no ASCII are looked at to tell the encoding. */
const windowBytes = 256 * 1024
const lineFeed = 10
const carriageReturn = 13

type Decoder = Pick<InstanceType<typeof TextDecoder>, 'decode'>

/** The bytes are no UTF-8, and what is declared is no encoding known here. */
export class UnknownEncoding extends Error {
  override name = 'UnknownEncoding'
}

/**
 * Decodes text piece by piece in the encoding that its bytes show: a byte order mark or the zeros of UTF-16, else UTF-8
 * where they are that, else the declared one, else windows-1252, code page 850 where the letters within words are those of
 * it, or Macintosh where lines end as they did there. What is declared counts only where the bytes leave it open. A byte
 * that is no UTF-8 amid text that is becomes U+FFFD.
 * @param declared by the file or by whoever sent it
 */
export class TextDecoding {
  readonly #declared: string | undefined
  #decoder: Decoder | undefined
  /** Bytes from the first one that is no ASCII, until there are enough of them. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #isFirst = true
  #hasLineFeed = false
  /** The character before the first byte that is no ASCII, which tells whether it stands within a word. */
  #before = 0
  /** The encoding, once the bytes told it; `ascii` until then. */
  encoding = 'ascii'

  constructor(declared: string | undefined) {
    this.#declared = declared?.toLowerCase()
  }

  write(chunk: Uint8Array): string {
    if (this.#decoder !== undefined) return this.#decoder.decode(chunk, { stream: true })
    if (this.#isFirst) {
      this.#isFirst = false
      const wide = wideEncodingOf(chunk)
      if (wide !== undefined) return this.#use(wide).decode(chunk, { stream: true })
    }
    if (this.#waitingBytes === 0) {
      const start = firstBeyondAscii(chunk)
      this.#hasLineFeed ||= chunk.subarray(0, start < 0 ? undefined : start).includes(lineFeed)
      this.#before = (start < 0 ? chunk.at(-1) : start === 0 ? this.#before : chunk[start - 1]) ?? 0
      if (start < 0) return asciiText(chunk)
      this.#wait(chunk.subarray(start))
      return asciiText(chunk.subarray(0, start)) + this.#decodeWhenEnough()
    }
    this.#wait(chunk)
    return this.#decodeWhenEnough()
  }

  end(): string {
    if (this.#decoder !== undefined) return this.#decoder.decode()
    if (this.#waitingBytes === 0) return ''
    return this.#decodeWaiting() + (this.#decoder as Decoder | undefined)?.decode()
  }

  #wait(chunk: Uint8Array): void {
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
  }

  #decodeWhenEnough(): string {
    return this.#waitingBytes < windowBytes ? '' : this.#decodeWaiting()
  }

  #decodeWaiting(): string {
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    const isOfMacintosh = !this.#hasLineFeed && !bytes.includes(lineFeed) && bytes.includes(carriageReturn)
    const otherwise = isOfMacintosh
      ? 'macintosh'
      : looksLikeDos(bytes, this.#before)
        ? 'ibm850'
        : 'windows-1252'
    const encoding = encodingOf(bytes, this.#declared, otherwise)
    return this.#use(encoding).decode(bytes, { stream: true })
  }

  #use(encoding: string): Decoder {
    this.encoding = encoding
    this.#decoder = encoding === 'ibm850' ? new DosDecoder() : new TextDecoder(encoding)
    return this.#decoder
  }
}

/** Whether there is such an encoding. */
function isEncoding(name: string): boolean {
  try {
    new TextDecoder(name)
    return true
  } catch {
    // That it throws is how it says no.
    return false
  }
}

const asciiText = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

function firstBeyondAscii(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] ?? 0) > 0x7f) return i
  return -1
}

/** Source: Unicode 16, section 23.8 (byte order mark); XML 1.0, appendix F (without one). */
function wideEncodingOf(first: Uint8Array): string | undefined {
  const [a = 1, b = 1, c = 1, d = 1] = first
  if (a === 0xff && b === 0xfe) return 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8'
  if (a !== 0 && b === 0 && c !== 0 && d === 0) return 'utf-16le'
  if (a === 0 && b !== 0 && c === 0 && d !== 0) return 'utf-16be'
  return undefined
}

/** UTF-8 where its sequences outnumber what cannot be any: text of another encoding has next to none by chance. */
function encodingOf(bytes: Uint8Array, declared: string | undefined, otherwise: string): string {
  const { sequences, faults } = utf8Shape(bytes)
  if (sequences > faults) return 'utf-8'
  if (declared !== undefined && isDosName(declared)) return 'ibm850'
  if (declared !== undefined && !isEncoding(declared)) throw new UnknownEncoding(declared)
  if (declared !== undefined && !isUnicode(declared)) return new TextDecoder(declared).encoding
  return otherwise
}

const isUnicode = (name: string) => new TextDecoder(name).encoding.startsWith('utf-')

/** How many characters of several bytes there are, and how many bytes that are part of none. Source: RFC 3629. */
function utf8Shape(bytes: Uint8Array): { sequences: number; faults: number } {
  let sequences = 0
  let faults = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 0x80) continue
    const more =
      byte >= 0xf0 && byte < 0xf5 ? 3 : byte >= 0xe0 && byte < 0xf0 ? 2 : byte >= 0xc2 && byte < 0xe0 ? 1 : 0
    let found = 0
    while (found < more && ((bytes[i + 1 + found] ?? 0) & 0xc0) === 0x80) found++
    const isCutByTheEnd = more > 0 && i + found + 1 >= bytes.length
    if (more > 0 && found === more) sequences++
    else if (!isCutByTheEnd) faults++
    i += found
  }
  return { sequences, faults }
}
