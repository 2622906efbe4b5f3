import type { Connection } from 'mariadb'
import { systemClock } from '#ports/clock'
import {
  checkPreparedId,
  DatabaseUnavailable,
  type PreparedTransactions,
  type Statements,
  type Transaction,
  type Voted,
} from '../database.ts'
import { tracked } from '../tracked.ts'
import { isNoSuchBranch, translated } from './errors.ts'
import type { Pool } from './pool.ts'
import { statementsOn } from './statements.ts'

/** How long a branch may still cling to the connection that prepared it, and how often it is looked for. */
const clingMaxMs = 5_000
const clingPollMs = 100
/** For so long a branch is finished on the connection that prepared it; then that ends, for others to finish it. */
const keptMs = 1_000
/** A server lets go of a branch a moment after its connection has ended. */
const lettingGoMs = 100

/** `server` tells servers apart that have databases of one name. */
type Place = { server: string; qualifier: string }
type Preparing = Place & { pool: Pool; timeoutMs: number }
type Kept = { connection: Connection; pool: Pool; timeoutMs: number; timer: NodeJS.Timeout }

/** Branches that this process has prepared, with their connections. */
const kept = new Map<string, Kept>()
/** Those whose connection is ending just now: that is when nobody may finish them. */
const ending = new Map<string, Promise<void>>()

/**
 * Leaves what `work` did prepared as a branch of the transaction `id`. The branch belongs to its connection until that
 * ends, and nobody else can finish it before. This process finishes it there: MariaDB 10.11 answers whoever commits a
 * branch while its connection is just ending that it is done, and leaves it undone with all its locks until the server
 * is started again. (MySQL from 8.0.29 detaches a branch by itself. Resetting the connection detaches too, but MariaDB
 * cannot use it again.)
 * Source: MariaDB and MySQL manuals, "XA Transactions"; the rest was seen.
 */
export async function prepare<V extends Voted>(
  { pool, timeoutMs, ...place }: Preparing,
  id: string,
  work: (tx: Transaction) => Promise<V>,
): Promise<V> {
  const branch = branchOf(id, place.qualifier)
  const connection = await pool.acquire()
  const statements = statementsOn(connection, timeoutMs)
  const { tracking, outstanding, end } = tracked(statements)
  let hasBegun = false
  try {
    // They travel with the first statement. Should the branch not begin, what follows is in a transaction that is never
    // committed, for the session commits nothing by itself.
    const begun = Promise.all([
      statements.execute('SET autocommit = 0'),
      statements.execute(`XA START ${branch}`),
    ])
    // It is waited for below.
    begun.then(
      () => {
        hasBegun = true
      },
      () => undefined,
    )
    const outcome = await work(tracking)
    await begun
    await Promise.all(outstanding)
    end()
    if (outcome.kind === 'prepared') {
      await Promise.all([statements.execute(`XA END ${branch}`), statements.execute(`XA PREPARE ${branch}`)])
      keep(`${place.server} ${branch}`, { connection, pool, timeoutMs })
    } else if (await isRolledBack(statements, branch)) pool.release(connection)
    else pool.drop(connection, 'when needed')
    return outcome
  } catch (error) {
    end()
    const failure = translated(error)
    // Whoever begins again under the same id must not meet the branch that failed. One that did not begin here may be
    // another's and is not touched; the end of the connection rolls back what is not prepared.
    if (hasBegun && !(failure instanceof DatabaseUnavailable) && (await isRolledBack(statements, branch)))
      pool.release(connection)
    else pool.drop(connection, 'when needed')
    throw failure
  }
}

function keep(key: string, one: Omit<Kept, 'timer'>): void {
  if (!one.pool.setAside(one.connection)) {
    one.pool.drop(one.connection, 'now')
    return
  }
  const giveUp = () => {
    kept.delete(key)
    const ended = one.pool.takeBack(one.connection, false).then(() => systemClock.sleep(lettingGoMs))
    ending.set(key, ended)
    void ended.finally(() => ending.delete(key))
  }
  kept.set(key, { ...one, timer: setTimeout(giveUp, keptMs).unref() })
}

/** One whose connection was lost is as anybody else's. */
function takeKept(key: string): Kept | undefined {
  const own = kept.get(key)
  if (own === undefined) return undefined
  kept.delete(key)
  clearTimeout(own.timer)
  if (own.connection.isValid()) return own
  void own.pool.takeBack(own.connection, false)
  return undefined
}

/** @throws DatabaseUnavailable when the connection is lost meanwhile, and with it the word of whether it was finished */
async function finishKept({ connection, pool, timeoutMs }: Kept, xa: string): Promise<'done'> {
  const statements = statementsOn(connection, timeoutMs)
  try {
    await Promise.all([statements.execute(xa), statements.execute('SET autocommit = 1')])
    void pool.takeBack(connection, true)
    return 'done'
  } catch (error) {
    void pool.takeBack(connection, false)
    throw translated(error)
  }
}

/** Ends and rolls back the branch that this connection has. */
async function isRolledBack(statements: Statements, branch: string): Promise<boolean> {
  const [, rolledBack, isPlain] = await Promise.allSettled([
    // It fails where a deadlock has ended the branch already.
    statements.execute(`XA END ${branch}`),
    statements.execute(`XA ROLLBACK ${branch}`),
    statements.execute('SET autocommit = 1'),
  ])
  return rolledBack.status === 'fulfilled' && isPlain.status === 'fulfilled'
}

export function preparedOn(statements: Statements, { server, qualifier }: Place): PreparedTransactions {
  const inDoubt = async () => {
    const rows = await statements.query<{
      gtrid_length: number
      bqual_length: number
      data: Buffer | string
    }>('XA RECOVER')
    return rows.flatMap(({ gtrid_length: length, data }) => {
      const name = data.toString()
      return name.slice(length) === qualifier ? [name.slice(0, length)] : []
    })
  }
  const finish = async (verb: 'COMMIT' | 'ROLLBACK', id: string) => {
    const branch = branchOf(id, qualifier)
    const key = `${server} ${branch}`
    const own = takeKept(key)
    if (own !== undefined) return await finishKept(own, `XA ${verb} ${branch}`)
    await ending.get(key)
    const giveUpMs = systemClock.monotonicMs() + clingMaxMs
    for (;;) {
      try {
        await statements.execute(`XA ${verb} ${branch}`)
        return 'done' as const
      } catch (error) {
        if (!isNoSuchBranch(error)) throw error
        // Who is not the branch's connection gets the same answer while that has not ended yet.
        if (!(await inDoubt()).includes(id)) return 'absent' as const
        if (systemClock.monotonicMs() > giveUpMs) throw error
      }
      await systemClock.sleep(clingPollMs)
    }
  }
  return { commit: (id) => finish('COMMIT', id), abort: (id) => finish('ROLLBACK', id), inDoubt }
}

/** Both names are known to need no quoting. */
function branchOf(id: string, qualifier: string): string {
  checkPreparedId(id)
  return `'${id}', '${qualifier}'`
}
