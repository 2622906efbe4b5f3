import type { Statements } from './database.ts'

const everyMs = 5_000

/**
 * Says something on a connection every now and then while work is done, so that the server can tell who is at work
 * elsewhere from who is frozen, and end the connection of the latter.
 */
export async function keptAwake<T>(
  statements: Pick<Statements, 'query'>,
  work: () => Promise<T>,
): Promise<T> {
  let isWaiting = false
  const timer = setInterval(() => {
    if (isWaiting) return
    isWaiting = true
    const said = statements.query('SELECT 1', [])
    // That the connection has gone is told to whoever uses it next.
    said
      .catch(() => undefined)
      .finally(() => {
        isWaiting = false
      })
  }, everyMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
