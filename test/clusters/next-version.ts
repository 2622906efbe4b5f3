import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { roles } from '#roles'

const repository = join(import.meta.dirname, '..', '..')

/**
 * Makes the version after this checkout's: the same program, whose databases are a step further. It has expanded both
 * schemas in a way that this version can live with, as a release does that is to be rolled out and back.
 * @returns the folder of its src and package.json
 */
export async function nextVersion(folder: string, version = '1.1.0'): Promise<string> {
  mkdirSync(folder, { recursive: true })
  cpSync(join(repository, 'src'), join(folder, 'src'), { recursive: true })
  const about = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as object
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...about, version }))
  for (const { tables } of roles) {
    if (tables === undefined) continue
    const here = fileURLToPath(await tables.migrations('postgres://'))
    const migrations = join(folder, relative(repository, here))
    const last = Math.max(...readdirSync(migrations).map((file) => Number.parseInt(file, 10)))
    const number = (n: number) => String(n).padStart(3, '0')
    writeFileSync(
      join(migrations, `${number(last + 1)}-next-version.sql`),
      `-- works with programs from ${number(last)}\nCREATE TABLE ${tables.schema}.of_next_version (id int PRIMARY KEY);\n`,
    )
  }
  return folder
}
