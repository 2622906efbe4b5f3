import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * What opens a backup.
 * @param path a copy of the key, or undefined for the one of the store in `dataPath`
 * @throws Error saying where there is none
 */
export async function readBackupKey(path: string | undefined, dataPath: string): Promise<string> {
  const from = path ?? join(dataPath, 'secrets', 'backup-key')
  try {
    return (await readFile(from, 'utf8')).trim()
  } catch (cause) {
    throw new Error(
      `the key cannot be read from ${from} (${(cause as Error).message}); --key names a copy of it`,
      {
        cause,
      },
    )
  }
}
