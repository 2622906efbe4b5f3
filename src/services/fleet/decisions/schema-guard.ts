import type { SchemaNumbers, VersionRecord } from './model.ts'

type Schemas = Readonly<Record<string, SchemaNumbers>>

/**
 * Why a version may not be put on databases that have come so far, or beside versions that still run.
 * @param running versions on other clusters, which work on the same databases
 */
export function schemaFault(
  wanted: VersionRecord,
  databases: Schemas,
  running: readonly VersionRecord[],
): string | undefined {
  for (const [name, { version, oldest }] of Object.entries(wanted.schemas)) {
    const now = databases[name]
    if (now !== undefined && version < now.oldest)
      return `${wanted.version} is made for version ${version} of the schema ${name}, which works with programs from ${now.oldest} only`
    const left = running.find((each) => (each.schemas[name]?.version ?? 0) < oldest)
    if (left !== undefined)
      return `${wanted.version} makes the schema ${name} one that ${left.version}, which still runs, cannot work on`
  }
  return undefined
}

/** How far the databases are once a version has migrated them: they never go back. */
export function migrated(databases: Schemas, { schemas }: VersionRecord): Schemas {
  const next = { ...databases }
  for (const [name, made] of Object.entries(schemas)) {
    const before = next[name] ?? { version: 0, oldest: 0 }
    next[name] = {
      version: Math.max(before.version, made.version),
      oldest: Math.max(before.oldest, made.version >= before.version ? made.oldest : 0),
    }
  }
  return next
}
