import { readFile } from 'node:fs/promises'
import type { ObjectStore } from '#ports/object-store'
import { bring, localPart } from '../store/local-cut.ts'
import type { Part } from '../store/manifest.ts'

/** How many files are read or stored at a time. */
const atOnceMax = 4

/** Brings parts here, and looks whether those that are here are what they were. @throws PartMissing */
export async function bringParts(
  root: string,
  objects: Pick<ObjectStore, 'get'>,
  parts: readonly Part[],
): Promise<void> {
  await someAtOnce(parts, (part) => bring(root, objects, part, true))
}

/** Puts parts into the object store that are not there yet. */
export async function uploadParts(
  objects: Pick<ObjectStore, 'put'>,
  root: string,
  parts: readonly Part[],
  onStored: () => Promise<void> | undefined,
): Promise<void> {
  await someAtOnce(parts, async (part) => {
    await objects.put(part.key, await readFile(localPart(root, part)), 'application/vnd.apache.parquet')
    await onStored()
  })
}

/** After one that fails none is begun. */
async function someAtOnce<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = [...items]
  const worker = async () => {
    try {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
    } finally {
      left.length = 0
    }
  }
  await Promise.all(Array.from({ length: atOnceMax }, worker))
}
