import { readFile } from 'node:fs/promises'
import type { ObjectStore } from '#ports/object-store'
import { bring, localPart } from '../store/local-cut.ts'
import type { Part } from '../store/manifest.ts'
import { someAtOnce } from '../store/some-at-once.ts'

/** How many files are read or stored at a time. */
const atOnceMax = 4

/** Brings parts here, and looks whether those that are here are what they were. @throws PartMissing */
export async function bringParts(
  root: string,
  objects: Pick<ObjectStore, 'get'>,
  parts: readonly Part[],
): Promise<void> {
  await someAtOnce(parts, atOnceMax, (part) => bring(root, objects, part, true))
}

/** Puts parts into the object store, a few at a time, while others are still written. */
export type Uploads = {
  /** A part that is here; one that was begun already is not begun again. */
  begin(part: Part): void
  /** @throws what the first one that failed did; after it none is begun */
  finish(): Promise<void>
}

export function openUploads(
  objects: Pick<ObjectStore, 'put'>,
  root: string,
  onStored: () => Promise<void> | undefined,
): Uploads {
  const begun = new Set<string>()
  const workers = Array.from({ length: atOnceMax }, () => Promise.resolve())
  let hasFailed = false
  const store = async (part: Part) => {
    if (hasFailed) return
    try {
      await objects.put(part.key, await readFile(localPart(root, part)), 'application/vnd.apache.parquet')
    } catch (error) {
      hasFailed = true
      throw error
    }
    await onStored()
  }
  return {
    begin(part) {
      if (begun.has(part.key)) return
      const own = begun.size % atOnceMax
      begun.add(part.key)
      const stored = (workers[own] as Promise<void>).then(() => store(part))
      // Whoever waits for all of them is told.
      stored.catch(() => undefined)
      workers[own] = stored
    },
    async finish() {
      await Promise.all(workers)
    },
  }
}
