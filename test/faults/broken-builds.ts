import pg from 'pg'

/** Builds with one safeguard missing, to see whether the fault runs notice; see `breakBuild`. */
export const brokenBuilds = ['no-fence', 'answer-before-decision', 'no-stock-check'] as const
export type BrokenBuild = (typeof brokenBuilds)[number]

const lateMs = 400

type Asked = string | { text: string; values?: unknown[] }
type Reply = { rows: Record<string, unknown>[]; rowCount: number }
/** Answers a statement in the database's place, or lets it through. */
type Between = (text: string, run: () => Promise<Reply>) => Promise<Reply> | undefined

/** Takes a safeguard out of a role by changing what passes between it and its database. */
export function breakBuild(role: string, broken: string): void {
  const between = betweens[`${role} ${broken}`]
  if (between === undefined) return
  const real = pg.Client.prototype.query as (...args: unknown[]) => unknown
  pg.Client.prototype.query = function (this: pg.Client, asked: Asked, ...rest: unknown[]) {
    const run = () => real.call(this, asked, ...rest) as Promise<Reply>
    const text = typeof asked === 'string' ? asked : (asked?.text ?? '')
    const callback = rest.find((each) => typeof each === 'function') as
      | ((error: unknown, reply?: Reply) => void)
      | undefined
    if (callback === undefined) return between(text, run) ?? run()
    const withoutCallback = rest.filter((each) => typeof each !== 'function')
    const promised = () => real.call(this, asked, ...withoutCallback) as Promise<Reply>
    const answer = between(text, promised)
    if (answer === undefined) return run()
    answer.then((reply) => callback(null, reply), callback)
    return undefined
  } as typeof pg.Client.prototype.query
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
    if (!/FOR UPDATE OF s/.test(text)) return undefined
    return run().then((reply) => ({
      ...reply,
      rows: reply.rows.map((row) => ({ ...row, copies: Number(row.copies) + 1_000_000 })),
    }))
  },
}
