/** A statement, or a part of one, with its parameters. */
export type Sql = { sql: string; params: unknown[] }

export const everything: Sql = { sql: 'TRUE', params: [] }

export function both(all: readonly Sql[]): Sql {
  const some = all.filter((each) => each !== everything)
  if (some.length === 0) return everything
  return {
    sql: some.map(({ sql }) => `(${sql})`).join(' AND '),
    params: some.flatMap(({ params }) => params),
  }
}
