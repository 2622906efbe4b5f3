import type { Import, ImportList, ImportReport } from '#services/catalog'
import type { ImportCounts, ImportFault } from '../import/source.ts'

/** Imports as any catalog process can show them. */
export type ImportStore = {
  begin(id: string, about: { file: string | null; dryRun: boolean }): Promise<void>
  /** Sets counts and faults of one that is running, notes that it lives, and ends it where `status` says so. */
  note(
    id: string,
    counts: Readonly<ImportCounts>,
    faults: readonly ImportFault[],
    status: Import['status'],
    report: ImportReport | null,
  ): Promise<void>
  /** Notes that one lives. */
  noteAlive(id: string): Promise<void>
  /** Fails one that is running and was not heard of for so long, with this fault before the others. */
  failIfSilent(id: string, silenceMaxMs: number, fault: ImportFault): Promise<void>
  find(id: string): Promise<Import | undefined>
  /** The newest, without their faults and reports. */
  newest(limit: number): Promise<ImportList['items']>
}
