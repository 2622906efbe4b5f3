import type pg from 'pg'

/** What a database says of its archive, for whoever asks the database: the System page, numbers, `octavo databases`. */
export type ArchiveState = { at: string; baseAt: string | undefined; problem: string | undefined }

const problemCharactersMax = 500

/** Writes it down, which is the commit that a restore to the moment before stops at. */
export async function noteState(client: pg.Client, { at, baseAt, problem }: ArchiveState): Promise<void> {
  const write = () =>
    client.query(
      `INSERT INTO octavo_archive.state AS s (id, reaches_to, base_at, problem) VALUES (1, $1, $2, $3)
       ON CONFLICT (id) DO UPDATE SET reaches_to = excluded.reaches_to,
         base_at = coalesce(excluded.base_at, s.base_at), problem = excluded.problem`,
      [at, baseAt ?? null, problem ?? null],
    )
  try {
    await write()
  } catch (error) {
    const isMissing = ['3F000', '42P01'].includes(String((error as { code?: string }).code))
    if (!isMissing) throw error
    await client.query(`CREATE SCHEMA IF NOT EXISTS octavo_archive;
      CREATE TABLE IF NOT EXISTS octavo_archive.state (
        id int PRIMARY KEY CHECK (id = 1), reaches_to timestamptz NOT NULL, base_at timestamptz, problem text)`)
    await write()
  }
}

/** Says what is wrong, and leaves how far the archive reaches as it is. */
export async function noteProblem(client: pg.Client, problem: string): Promise<void> {
  await client.query('UPDATE octavo_archive.state SET problem = $1 WHERE problem IS DISTINCT FROM $1', [
    problem.slice(0, problemCharactersMax),
  ])
}
