import type { Database } from '#ports/database'

/**
 * Sells as the store does: prepared in one database, decided in the other, acknowledged, then finished. It makes the tables
 * for that.
 */
export async function openSeller(books: Database, orders: Database) {
  await books.execute('CREATE TABLE moves (n int PRIMARY KEY)')
  await orders.execute('CREATE TABLE decisions (n int PRIMARY KEY)')
  let n = 0
  const acknowledged: number[] = []
  const sellOne = async () => {
    const id = ++n
    await books.prepare(`t${id}`, async (tx) => {
      await tx.execute('INSERT INTO moves (n) VALUES ($1)', [id])
      return { kind: 'prepared' }
    })
    await orders.execute('INSERT INTO decisions (n) VALUES ($1)', [id])
    acknowledged.push(id)
    await books.prepared.commit(`t${id}`)
  }
  const untilStopped = () => {
    let isOver = false
    const running = (async () => {
      while (!isOver) await sellOne()
    })()
    return {
      stop: async () => {
        isOver = true
        await running
      },
    }
  }
  return { acknowledged, sell: Object.assign(sellOne, { untilStopped }) }
}
