import { randomUUID } from 'node:crypto'
import {
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { crc32 } from 'node:zlib'
import type { ObjectStore } from '#ports/object-store'
import { type Manifest, type Part, partsOf, pathInCut } from './manifest.ts'
import { someAtOnce } from './some-at-once.ts'

/**
 * The warehouse's files on this machine, as every engine reads them: `<root>/current/<table>/<part>/<file>.parquet` is
 * always one whole cut. A new one is built beside it out of hard links and put in its place by a rename; a reader that
 * has resolved `current` keeps the cut it began with.
 */
export type LocalCut = { sequence: number; folder: string; manifest: Manifest }

/** Cuts that are not current any more are kept this long, for whoever still reads one. */
const keptMs = 10 * 60_000
const manifestName = 'manifest.json'
/** How many files are brought here at a time. */
const atOnceMax = 4

/** The folder of the current cut, or `undefined` before the first, and where what says so is damaged. */
export async function currentCut(root: string): Promise<LocalCut | undefined> {
  try {
    const folder = join(root, await readlink(join(root, 'current')))
    const manifest = JSON.parse(await readFile(join(folder, manifestName), 'utf8')) as Manifest
    return { sequence: manifest.sequence, folder, manifest }
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whether a cut here is what a manifest says; numbers begin anew where the object store was lost or put back. */
export const isShown = (cut: LocalCut | undefined, { sequence, loadedAt }: Manifest): cut is LocalCut =>
  cut?.sequence === sequence && cut.manifest.loadedAt === loadedAt

/** Where a part's file is kept on this machine, whichever cut it belongs to. */
export const localPart = (root: string, part: Pick<Part, 'key'>) => join(root, 'parts', pathInCut(part))

/** Brings the files of a published manifest here and makes it the current cut. */
export async function showCut(
  root: string,
  objects: Pick<ObjectStore, 'get'>,
  manifest: Manifest,
): Promise<LocalCut> {
  const current = await currentCut(root)
  if (isShown(current, manifest)) return current
  // Of its own, because two processes may show the same cut: neither takes away what the other has shown.
  const name = `${String(manifest.sequence).padStart(8, '0')}-${randomUUID().slice(0, 8)}`
  const folder = join(root, 'cuts', name)
  const building = `${folder}.new`
  const targetOf = (part: Part) => join(building, pathInCut(part))
  const folders = new Set([building, ...partsOf(manifest).map((part) => dirname(targetOf(part)))])
  for (const each of folders) await mkdir(each, { recursive: true })
  await someAtOnce(partsOf(manifest), atOnceMax, async (part) => {
    await link(await bring(root, objects, part), targetOf(part))
  })
  await writeFile(join(building, manifestName), JSON.stringify(manifest))
  await rename(building, folder)
  const pointer = join(root, `current.${name}`)
  await symlink(join('cuts', name), pointer)
  await rename(pointer, join(root, 'current'))
  return { sequence: manifest.sequence, folder, manifest }
}

/** An object that the manifest names is gone or damaged. */
export class PartMissing extends Error {
  override name = 'PartMissing'
}

/**
 * The file of a part on this machine, fetched when it is not here.
 * @param look whether a file that is here is read, to see that it is what it was
 * @throws PartMissing
 */
export async function bring(
  root: string,
  objects: Pick<ObjectStore, 'get'>,
  part: Part,
  look = false,
): Promise<string> {
  const path = localPart(root, part)
  const isThere = await stat(path)
    .then(async ({ size }) => size === part.bytes && (!look || isWhole(part, await readFile(path))))
    // Gone, or on a disk that does not give it back.
    .catch(() => false)
  if (isThere) return path
  const object = await objects.get(part.key)
  if (object === undefined)
    throw new PartMissing(`the warehouse names ${part.key}, and the object store has no such object`)
  if (!isWhole(part, object.body)) throw new PartMissing(`${part.key} is damaged in the object store`)
  await mkdir(dirname(path), { recursive: true })
  const arriving = `${path}.${process.pid}`
  await writeFile(arriving, object.body)
  await rename(arriving, path)
  return path
}

const isWhole = (part: Part, file: Uint8Array) => part.crc32 === undefined || crc32(file) === part.crc32

/**
 * Removes cuts that nobody should be reading any more, and files of no cut.
 * @param keepMs how long a cut that is not current stays, and a file, which may be of one that is just being loaded
 */
export async function tidy(root: string, nowMs: number, keepMs = keptMs): Promise<void> {
  const current = await currentCut(root)
  if (current === undefined) return
  const cuts = join(root, 'cuts')
  for (const name of await readdir(cuts)) {
    if (name === relative(cuts, current.folder)) continue
    const { mtimeMs } = await stat(join(cuts, name))
    if (nowMs - mtimeMs >= keepMs) await rm(join(cuts, name), { recursive: true, force: true })
  }
  const wanted = new Set(partsOf(current.manifest).map((part) => localPart(root, part)))
  const parts = join(root, 'parts')
  for (const entry of await readdir(parts, { recursive: true, withFileTypes: true })) {
    const path = [entry.parentPath, entry.name].join(sep)
    if (!entry.isFile() || wanted.has(path)) continue
    // What another cut still shows has a link of its own there.
    if (nowMs - (await stat(path)).mtimeMs >= keepMs) await rm(path, { force: true })
  }
}
