import { UnreadableFile } from './source.ts'

/** The text of a file piece by piece, with its first piece at hand before the rest is read. */
export type FileText = AsyncIterable<string> & { head: string; endsWithNewline(): boolean }

/**
 * Decodes a CSV file as UTF-8, or UTF-16 with a byte order mark.
 * @throws UnreadableFile for an empty file, a binary one and other encodings, at once or while reading on
 */
export async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<FileText> {
  return decodedText(bytes, (first) => {
    refuseOtherFormats(first, 'CSV')
    const start = startOf(first)
    if (/^<(?:\?xml|!doctype|html|[a-z]+[\s>])/i.test(start))
      throw new UnreadableFile('the file is not CSV: it is XML or HTML')
    return undefined
  })
}

/** Decodes an XML file in the encoding that it declares, UTF-8 otherwise. Source: XML 1.0, appendix F. */
export async function xmlTextOf(bytes: AsyncIterable<Uint8Array>): Promise<FileText> {
  return decodedText(bytes, (first) => {
    refuseOtherFormats(first, 'XML')
    if (!looksLikeXml(first)) throw new UnreadableFile('the file is not XML')
    return /^<\?xml[^>]*\sencoding\s*=\s*["']([\w.-]{1,40})["']/.exec(startOf(first))?.[1]
  })
}

/** Whether a file begins as XML does, with or without a byte order mark. */
export function looksLikeXml(first: Uint8Array): boolean {
  return startOf(first).replaceAll('\0', '').startsWith('<')
}

const startOf = (first: Uint8Array) =>
  new TextDecoder('latin1')
    .decode(first.subarray(0, 400))
    .replace(/^(?:\u00EF\u00BB\u00BF|\u00FF\u00FE|\u00FE\u00FF)/, '')
    .trimStart()

async function decodedText(
  bytes: AsyncIterable<Uint8Array>,
  encodingOf: (first: Uint8Array) => string | undefined,
): Promise<FileText> {
  const chunks = bytes[Symbol.asyncIterator]()
  try {
    const first = await nextFilled(chunks)
    if (first === undefined) throw new UnreadableFile('the file is empty')
    return piecesOf(first, chunks, decoderFor(first, encodingOf(first)))
  } catch (error) {
    await chunks.return?.()
    throw error
  }
}

/** Lets go of the file when its reader stops early. */
function piecesOf(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
  decode: (chunk?: Uint8Array) => string,
): FileText {
  const head = decode(first)
  let last = head
  async function* pieces(): AsyncGenerator<string> {
    try {
      yield head
      for (let chunk = await chunks.next(); chunk.done !== true; chunk = await chunks.next()) {
        const text = decode(chunk.value)
        if (text !== '') last = text
        yield text
      }
      const rest = decode()
      if (rest !== '') {
        last = rest
        yield rest
      }
    } finally {
      await chunks.return?.()
    }
  }
  return {
    head,
    endsWithNewline: () => /[\r\n]$/.test(last),
    [Symbol.asyncIterator]: pieces,
  }
}

async function nextFilled(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  for (let chunk = await chunks.next(); chunk.done !== true; chunk = await chunks.next())
    if (chunk.value.length > 0) return chunk.value
  return undefined
}

function decoderFor(first: Uint8Array, declared: string | undefined): (chunk?: Uint8Array) => string {
  const mark = (first[0] ?? 0) * 256 + (first[1] ?? 0)
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : (declared ?? 'utf-8')
  const decoder = decoderNamed(encoding)
  return (chunk) => {
    const text = decoded(decoder, chunk)
    if (text.includes('\0')) throw new UnreadableFile('the file is binary, not text: it holds zero bytes')
    return text
  }
}

function decoderNamed(encoding: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: false })
  } catch {
    throw new UnreadableFile(`the file says it is in the encoding "${encoding}", which is not known here`)
  }
}

function decoded(decoder: InstanceType<typeof TextDecoder>, chunk: Uint8Array | undefined): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
  } catch (cause) {
    throw new UnreadableFile(
      'the file is not UTF-8 text: it is binary, cut off inside a character, or in another encoding (convert it first)',
      { cause },
    )
  }
}

/** Files that people take for CSV, by their first bytes. */
const formats: readonly { magic: readonly number[]; name: string }[] = [
  {
    magic: [0x50, 0x4b, 0x03, 0x04],
    name: 'a ZIP archive or an Excel workbook; unpack it, or save it as CSV',
  },
  { magic: [0x1f, 0x8b], name: 'compressed (gzip); unpack it first' },
  { magic: [0xd0, 0xcf, 0x11, 0xe0], name: 'an old Excel workbook; save it as CSV' },
  { magic: [0x25, 0x50, 0x44, 0x46], name: 'a PDF' },
  { magic: [0x89, 0x50, 0x4e, 0x47], name: 'a PNG picture' },
  { magic: [0xff, 0xd8, 0xff], name: 'a JPEG picture' },
]

function refuseOtherFormats(first: Uint8Array, wanted: string): void {
  const format = formats.find(({ magic }) => magic.every((byte, i) => first[i] === byte))
  if (format !== undefined) throw new UnreadableFile(`the file is not ${wanted}: it is ${format.name}`)
}
