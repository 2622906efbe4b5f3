import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Secrets } from '#config'
import { ObjectStoreUnavailable, openObjectStore } from '#ports/object-store'
import { type Answered, type Format, openCutReader } from './engine/answer-query.ts'
import { type Asked, type Report, reportRowsMax } from './reports/report.ts'
import { currentCut, isShown, type LocalCut, showCut } from './store/local-cut.ts'
import { readManifest } from './store/manifest.ts'

/** There is nothing to report from yet. */
class NoWarehouse extends Error {
  override name = 'NoWarehouse'
}

/** Its files are damaged; the next load makes them good. */
class UnreadableWarehouse extends Error {
  override name = 'UnreadableWarehouse'
}

/**
 * A report from the warehouse as it was last published, without any process of the store.
 * @param root the warehouse's folder on this machine; what it lacks is fetched from the object store
 * @returns the answer, the moment that it shows, and why that is the last one known here, where the object store is away
 * @throws NoWarehouse before the first load, UnreadableWarehouse when its files are damaged
 */
export async function readReport(
  report: Report,
  asked: Omit<Asked, 'rowsMax'>,
  format: Format,
  { root, secrets }: { root: string; secrets: Secrets<'objectStore' | 'secret'> },
): Promise<{ answered: Answered; asOf: string; away?: string }> {
  const { cut, away } = await publishedCut(root, secrets)
  const folder = await mkdtemp(join(tmpdir(), 'octavo-report-'))
  try {
    await using reader = await openCutReader(cut, folder).catch((cause: unknown) => {
      throw unreadable(cause)
    })
    // One more than are shown says that there are more.
    const sql = report.sql({ ...asked, rowsMax: reportRowsMax + (format === 'json' ? 1 : 0) })
    const answered = await reader.answer({ sql, format, rowsMax: reportRowsMax })
    if (answered.kind === 'refused') throw unreadable(new Error(answered.reason))
    return { answered, asOf: cut.manifest.cutAt, ...(away && { away }) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const unreadable = (cause: unknown) =>
  new UnreadableWarehouse('a file of the warehouse cannot be read: octavo warehouse load makes it good', {
    cause,
  })

async function publishedCut(
  root: string,
  secrets: Secrets<'objectStore' | 'secret'>,
): Promise<{ cut: LocalCut; away?: string }> {
  await using objects = await openObjectStore(secrets.objectStore, { secret: secrets.secret })
  const current = await currentCut(root)
  try {
    const manifest = await readManifest(objects)
    if (manifest === undefined)
      throw new NoWarehouse('the warehouse has not been loaded yet: octavo warehouse load')
    return { cut: isShown(current, manifest) ? current : await showCut(root, objects, manifest) }
  } catch (error) {
    if (!(error instanceof ObjectStoreUnavailable) || current === undefined) throw error
    return { cut: current, away: error.message }
  }
}
