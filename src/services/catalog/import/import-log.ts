import type { Import, ImportReport } from '../contract.ts'
import type { ImportStore } from '../store/import-store.ts'
import type { ImportCounts, ImportFault } from './source.ts'

/** The first faults are kept for show; the count of rejected records is always whole. */
export const faultsKeptMax = 1000
/** An import whose process has not written for this long has died with it. */
const silenceMaxMs = 30_000

export function noteProgress(
  imports: ImportStore,
  id: string,
  counts: Readonly<ImportCounts>,
  faults: readonly ImportFault[],
  status: Import['status'] = 'running',
  report: ImportReport | null = null,
): Promise<void> {
  const kept = faults.toSorted((a, b) => a.record - b.record).slice(0, faultsKeptMax)
  return imports.note(id, counts, kept, status, report)
}

/** Looks an import up; one that fell silent is failed first, whichever process it ran in. */
export async function findImport(imports: ImportStore, id: string): Promise<Import | undefined> {
  const message = 'the process that ran this import ended; import the file again'
  await imports.failIfSilent(id, silenceMaxMs, { record: 0, message })
  return imports.find(id)
}
