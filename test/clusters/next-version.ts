import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const repository = join(import.meta.dirname, '..', '..')

/**
 * Makes the version after this checkout's: the same program, whose databases are a step further. It has expanded both
 * schemas in a way that this version can live with, as a release does that is to be rolled out and back.
 * @returns the folder of its src and package.json
 */
export function nextVersion(folder: string): string {
  mkdirSync(folder, { recursive: true })
  cpSync(join(repository, 'src'), join(folder, 'src'), { recursive: true })
  const about = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as object
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...about, version: '1.1.0' }))
  for (const service of ['catalog', 'orders']) {
    const migrations = join(folder, 'src', 'services', service, 'migrations')
    const last = Math.max(...readdirSync(migrations).map((file) => Number.parseInt(file, 10)))
    const number = (n: number) => String(n).padStart(3, '0')
    writeFileSync(
      join(migrations, `${number(last + 1)}-next-version.sql`),
      `-- works with programs from ${number(last)}\nCREATE TABLE ${service}.of_next_version (id int PRIMARY KEY);\n`,
    )
  }
  return folder
}
