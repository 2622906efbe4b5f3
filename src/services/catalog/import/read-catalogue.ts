import { looksLikeXml } from './file-text.ts'
import type { ReadOptions } from './read-options.ts'
import type { SourceRecord } from './source.ts'

/** Reads a file as what it is: ONIX where it begins as XML does, CSV otherwise. @throws UnreadableFile */
export async function* readCatalogue(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions,
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
  if (isXml) yield* readXml(whole(), options)
  else yield* (await import('./read-csv.ts')).readCsv(whole(), options)
}

/** What reads a catalogue is loaded when there is one to read: a process that imports nothing starts without it. */
export async function* readXml(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<SourceRecord> {
  yield* (await import('./read-onix.ts')).readOnix(bytes, options)
}
