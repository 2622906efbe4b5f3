import { looksLikeXml } from './file-text.ts'
import { type CsvOptions, readCsv } from './read-csv.ts'
import { readOnix } from './read-onix.ts'
import type { SourceRecord } from './source.ts'

/** Reads a file as what it is: ONIX where it begins as XML does, CSV otherwise. @throws UnreadableFile */
export async function* readCatalogue(
  bytes: AsyncIterable<Uint8Array>,
  options: CsvOptions,
): AsyncGenerator<SourceRecord> {
  const chunks = bytes[Symbol.asyncIterator]()
  const first = await chunks.next()
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      for (let chunk = first; chunk.done !== true; chunk = await chunks.next()) yield chunk.value
    } finally {
      await chunks.return?.()
    }
  }
  const isXml = first.done !== true && looksLikeXml(first.value)
  yield* isXml ? readOnix(whole(), options.currency) : readCsv(whole(), options)
}
