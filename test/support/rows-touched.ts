import type { Database } from '#ports/database'

type PlanNode = {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: PlanNode[]
}

/**
 * Runs statements and their plans on PostgreSQL.
 * @returns how many rows the scans of some tables came upon, taken or not
 */
export const rowsTouchedIn =
  (tables: readonly string[]) =>
  async (database: Database, work: (database: Database) => Promise<unknown>): Promise<number> => {
    const statements: [string, readonly unknown[]][] = []
    const recorded = {
      ...database,
      query: (text: string, values: unknown[] = []) => {
        statements.push([text, values])
        return database.query(text, values)
      },
    } as Database
    await work(recorded)
    let rows = 0
    for (const [text, values] of statements) {
      const [explained] = await database.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
        `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
        [...values],
      )
      rows += touched(explained?.['QUERY PLAN'][0]?.Plan, tables)
    }
    return rows
  }

function touched(node: PlanNode | undefined, tables: readonly string[]): number {
  if (node === undefined) return 0
  const { 'Relation Name': relation, 'Actual Loops': loops, Plans = [] } = node
  const dropped = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  const own =
    relation !== undefined && tables.includes(relation) ? (node['Actual Rows'] + dropped) * loops : 0
  return own + Plans.reduce((sum, each) => sum + touched(each, tables), 0)
}
