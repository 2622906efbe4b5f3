import { catalogueFiles } from './packed-files.ts'
import { readCatalogue, readXml } from './read-catalogue.ts'
import type { ReadOptions } from './read-options.ts'
import { type SourceRecord, UnreadableFile } from './source.ts'

/**
 * Reads a file on disk, packed or not; of an archive its catalogues one after the other, whose records are counted on and
 * whose faults name their file. A file of an archive that is no catalogue is refused as one record would be, unless there is
 * no other.
 * @param isXml whether whoever sent it says that it is ONIX, which a file that is not packed then has to be
 * @throws UnreadableFile
 */
export async function* readFile(
  path: string,
  options: ReadOptions & { isXml?: boolean; onBytes?: (bytes: number) => void },
): AsyncGenerator<SourceRecord> {
  let before = 0
  /** Files of an archive that are no catalogues, such as a letter beside one. */
  const others: string[] = []
  for await (const { name, bytes } of catalogueFiles(path, options.onBytes)) {
    const records =
      options.isXml === true && name === undefined ? readXml(bytes, options) : readCatalogue(bytes, options)
    let last = before
    try {
      for await (const found of records) {
        for (const message of others.splice(0)) yield noCatalogue(++before, message)
        last = before + found.record
        const placed = { ...found, record: last }
        yield placed.kind === 'wrong' && name !== undefined
          ? { ...placed, message: `${placed.message} (${name})` }
          : placed
      }
    } catch (error) {
      if (name === undefined || !(error instanceof UnreadableFile)) throw error
      const message = `${name}: ${error.message}`
      if (last > before) throw new UnreadableFile(message, { cause: error })
      others.push(message)
    }
    before = last
  }
  if (before === 0 && others[0] !== undefined) throw new UnreadableFile(others[0])
  for (const message of others) yield noCatalogue(++before, message)
}

const noCatalogue = (record: number, message: string): SourceRecord => ({
  record,
  kind: 'wrong',
  field: 'file',
  message,
})
