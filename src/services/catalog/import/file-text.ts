import { UnreadableFile } from './source.ts'
import { TextDecoding, UnknownEncoding } from './text-encoding.ts'

/** The text of a file piece by piece. */
export type FileText = AsyncIterable<string> & {
  endsWithNewline(): boolean
  /** What it was decoded as, so far as it is read. */
  readonly encoding: string
}

/**
 * The text of a CSV file.
 * @param declared the charset that whoever sent it names
 * @throws UnreadableFile for an empty file, a binary one and other formats, at once or while reading on
 */
export async function textOf(bytes: AsyncIterable<Uint8Array>, declared?: string): Promise<FileText> {
  return decodedText(bytes, (first) => {
    refuseOtherFormats(first, 'CSV')
    const start = startOf(first)
    if (/^<(?:\?xml|!doctype|html|[a-z]+[\s>])/i.test(start))
      throw new UnreadableFile('the file is not CSV: it is XML or HTML')
    if (/^\s*[{[]\s*(?:["{[]|$)/.test(start))
      throw new UnreadableFile('the file is not CSV: it is JSON; no column can be told')
    return declared
  })
}

/** The text of an XML file. Source: XML 1.0, appendix F. */
export async function xmlTextOf(bytes: AsyncIterable<Uint8Array>, declared?: string): Promise<FileText> {
  return decodedText(bytes, (first) => {
    refuseOtherFormats(first, 'XML')
    if (!looksLikeXml(first)) throw new UnreadableFile('the file is not XML')
    const named = /^<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(startOf(first))?.[1]
    return named ?? declared
  })
}

/** Whether a file begins as XML does, with or without a byte order mark. */
export function looksLikeXml(first: Uint8Array): boolean {
  return startOf(first).replaceAll('\0', '').trimStart().startsWith('<')
}

const startOf = (first: Uint8Array) =>
  new TextDecoder('latin1')
    .decode(first.subarray(0, 400))
    .replace(/^(?:\u00EF\u00BB\u00BF|\u00FF\u00FE|\u00FE\u00FF)/, '')
    .trimStart()

/** A zero byte here and there costs the value that it is in; what is full of such characters is no text. */
const controlsMax = 8
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacters = /[\u0000-\u0008\u000e-\u001f]/g

/** Lets go of the file when its reader stops early. */
async function decodedText(
  bytes: AsyncIterable<Uint8Array>,
  declaredBy: (first: Uint8Array) => string | undefined,
): Promise<FileText> {
  const chunks = bytes[Symbol.asyncIterator]()
  try {
    const first = await nextFilled(chunks)
    if (first === undefined) throw new UnreadableFile('the file is empty')
    return piecesOf(first, chunks, new TextDecoding(declaredBy(first)))
  } catch (error) {
    await chunks.return?.()
    throw error
  }
}

function piecesOf(first: Uint8Array, chunks: AsyncIterator<Uint8Array>, decoding: TextDecoding): FileText {
  let last = ''
  let characters = 0
  let controls = 0
  const noted = (text: string): string => {
    characters += text.length
    if (text !== '') last = text
    if (!text.includes('\0')) return text
    controls += text.match(controlCharacters)?.length ?? 0
    if (controls > controlsMax && controls > characters / 100)
      throw new UnreadableFile('the file is binary, not text: it holds zero bytes')
    return text.replaceAll('\0', '\ufffd')
  }
  async function* pieces(): AsyncGenerator<string> {
    try {
      yield noted(decoding.write(first))
      for (let chunk = await chunks.next(); chunk.done !== true; chunk = await chunks.next())
        yield noted(decoding.write(chunk.value))
      yield noted(decoding.end())
    } catch (error) {
      if (!(error instanceof UnknownEncoding)) throw error
      throw new UnreadableFile(
        `the file says it is in the encoding "${error.message}", which is not known here, and it is no UTF-8`,
      )
    } finally {
      await chunks.return?.()
    }
  }
  return {
    endsWithNewline: () => /[\r\n]$/.test(last),
    get encoding() {
      return decoding.encoding
    },
    [Symbol.asyncIterator]: pieces,
  }
}

/** The first bytes, enough of them to tell a format by. */
async function nextFilled(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  for (let chunk = await chunks.next(); chunk.done !== true; chunk = await chunks.next())
    if (chunk.value.length > 0) return chunk.value
  return undefined
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
