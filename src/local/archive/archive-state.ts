import type pg from 'pg'

/** What a database says of its archive, for whoever asks the database: the System page, numbers, `octavo databases`. */
export type ArchiveState = { at: string; baseAt: string | undefined }

const problemCharactersMax = 500

/** Writes down how far the archive reaches, which is the commit that a restore to the moment before stops at. */
export async function noteState(client: pg.Client, { at, baseAt }: ArchiveState): Promise<void> {
  await noted(
    client,
    'UPDATE octavo_archive.state SET reaches_to = $1, base_at = coalesce($2, base_at), problem = NULL',
    [at, baseAt ?? null],
  )
}

/** Says what is wrong, and leaves how far the archive reaches as it is. */
export async function noteProblem(client: pg.Client, problem: string): Promise<void> {
  await noted(client, 'UPDATE octavo_archive.state SET problem = $1 WHERE problem IS DISTINCT FROM $1', [
    problem.slice(0, problemCharactersMax),
  ])
}

/** What the one that runs beside the store is called at the primaries. */
export const standingSlot = 'octavo_archive'

/** Of a database whose archive is kept no more nothing is said, and it holds its log for nobody. */
export const forgetArchive = `
  SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${standingSlot}';
  DROP SCHEMA IF EXISTS octavo_archive CASCADE`

async function noted(client: pg.Client, statement: string, values: unknown[]): Promise<void> {
  try {
    await client.query(statement, values)
  } catch (error) {
    const isMissing = ['3F000', '42P01'].includes(String((error as { code?: string }).code))
    if (!isMissing) throw error
    await client.query(`CREATE SCHEMA IF NOT EXISTS octavo_archive;
      CREATE TABLE IF NOT EXISTS octavo_archive.state (
        id int PRIMARY KEY CHECK (id = 1), reaches_to timestamptz, base_at timestamptz, problem text);
      INSERT INTO octavo_archive.state (id) VALUES (1) ON CONFLICT DO NOTHING`)
    await client.query(statement, values)
  }
}
