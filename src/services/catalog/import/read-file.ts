import { catalogueFiles } from './packed-files.ts'
import { readCatalogue, readXml } from './read-catalogue.ts'
import type { ReadOptions } from './read-options.ts'
import { type SourceRecord, UnreadableFile } from './source.ts'

/**
 * Reads a file on disk, packed or not; of an archive its catalogues one after the other, whose records are counted on and
 * whose faults name their file.
 * @param isXml whether whoever sent it says that it is ONIX, which a file that is not packed then has to be
 * @throws UnreadableFile
 */
export async function* readFile(
  path: string,
  options: ReadOptions & { isXml?: boolean; onBytes?: (bytes: number) => void },
): AsyncGenerator<SourceRecord> {
  let before = 0
  for await (const { name, bytes } of catalogueFiles(path, options.onBytes)) {
    const records =
      options.isXml === true && name === undefined ? readXml(bytes, options) : readCatalogue(bytes, options)
    let last = before
    try {
      for await (const found of records) {
        last = before + found.record
        const placed = { ...found, record: last }
        yield placed.kind === 'wrong' && name !== undefined
          ? { ...placed, message: `${placed.message} (${name})` }
          : placed
      }
    } catch (error) {
      if (name === undefined || !(error instanceof UnreadableFile)) throw error
      throw new UnreadableFile(`${name}: ${error.message}`, { cause: error })
    }
    before = last
  }
}
