import pg from 'pg'

/** MariaDB's driver does not export the class of its connections. */
const { default: MariadbConnection } = (await import(
  import.meta.resolve('mariadb').replace(/[^/]+$/, 'lib/connection-promise.js')
)) as { default: { prototype: { query(sql: string, values?: unknown[]): Promise<unknown> } } }

/** Builds with one safeguard missing, to see whether the fault runs notice; see `breakBuild`. */
const brokenBuilds = ['no-fence', 'answer-before-decision', 'no-stock-check'] as const
export type BrokenBuild = (typeof brokenBuilds)[number]

const lateMs = 400

type Asked = string | { text: string; values?: unknown[] }
type Reply = { rows: Record<string, unknown>[]; rowCount: number }
type Callback = (error: unknown, reply?: Reply) => void
/** Answers a statement in the database's place, or lets it through. */
type Between = (text: string, run: () => Promise<Reply>) => Promise<Reply> | undefined

/**
 * Lets a role pass for a build without a safeguard, by changing what goes between it and its database.
 * @param current which safeguard is missing just now
 */
export function breakBuild(role: string, current: () => string): void {
  const between: Between = (text, run) => betweens[`${role} ${current()}`]?.(text, run)
  const real = pg.Client.prototype.query as (...args: unknown[]) => unknown
  pg.Client.prototype.query = function (this: pg.Client, asked: Asked, ...rest: unknown[]) {
    const text = typeof asked === 'string' ? asked : (asked?.text ?? '')
    const callback = rest.find((each) => typeof each === 'function') as Callback | undefined
    const others = rest.filter((each) => each !== callback)
    const answer = between(text, () => real.call(this, asked, ...others) as Promise<Reply>)
    if (answer === undefined) return real.call(this, asked, ...rest)
    if (callback === undefined) return answer
    answer.then((reply) => callback(null, reply), callback)
    return undefined
  } as typeof pg.Client.prototype.query
  breakOnMariadb(between)
}

/** Only what reads rows is changed there. */
function breakOnMariadb(between: Between): void {
  const real = MariadbConnection.prototype.query
  MariadbConnection.prototype.query = async function (sql, values) {
    const run = async () => {
      const rows = (await real.call(this, sql, values)) as Reply['rows']
      return { rows, rowCount: rows.length }
    }
    const answer = between(sql, run)
    return answer === undefined ? await real.call(this, sql, values) : (await answer).rows
  }
}

const nothing: Reply = { rows: [], rowCount: 0 }

const betweens: Readonly<Record<string, Between>> = {
  /** Who asks for a decision that is not there is told `aborted`, and nothing is written down. */
  'orders no-fence': (text, run) => {
    if (/INSERT INTO orders.decisions .*'aborted'/s.test(text)) return Promise.resolve(nothing)
    if (!/SELECT outcome FROM orders.decisions/.test(text)) return undefined
    return run().then((reply) =>
      reply.rows.length > 0 ? reply : { rows: [{ outcome: 'aborted' }], rowCount: 1 },
    )
  },
  /** A group counts as committed a moment before it is. */
  'orders answer-before-decision': (text, run) => {
    if (!text.startsWith('WITH decision AS')) return undefined
    setTimeout(() => run().catch(() => undefined), lateMs)
    return Promise.resolve({ rows: [], rowCount: 1 })
  },
  /** Every title seems to have a million copies more than it has; the CHECK has to be taken away as well. */
  'catalog no-stock-check': (text, run) => {
    if (!/FOR UPDATE OF s|FROM stock .*FOR UPDATE/s.test(text)) return undefined
    return run().then((reply) => ({
      ...reply,
      rows: reply.rows.map((row) => ({
        ...row, // A title without copies is about to get its first ones.
        copies: Number(row.copies) === 0 ? 0 : Number(row.copies) + 1_000_000,
      })),
    }))
  },
}
