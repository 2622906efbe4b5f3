import type { Schedule } from './schedule.ts'

/** What is wrong at the end of a schedule: the invariants of the store, as sentences. Empty when all is well. */
export function violations({ world, store, clients, titles }: Schedule): string[] {
  const found: string[] = []
  const { books, orders } = store
  const all = [...orders.orders.values()]
  if (world.now() >= 60_000) found.push('it never became quiet')
  if (books.prepared.size > 0) found.push(`${books.prepared.size} transactions are still prepared`)
  for (const id of store.due()) found.push(`order ${id.slice(-4)} waits for its settlement for ever`)

  for (const { draft, acknowledged, isSurelyRefused, isDone, bugs } of clients) {
    const who = `client ${draft.keyHash.slice(-2)}`
    const own = all.filter((order) => order.keyHash === draft.keyHash)
    if (own.length > 1) found.push(`${who} has ${own.length} orders under one key`)
    for (const id of acknowledged)
      if (!own.some((order) => order.id === id))
        found.push(`${who} was told of order ${id.slice(-4)}, which is not there`)
    if (isSurelyRefused && acknowledged.length === 0 && own.length > 0)
      found.push(`${who} was refused and has an order`)
    if (!isDone) found.push(`${who} waits for ever`)
    found.push(...bugs.map((bug) => `${who}: ${bug}`))
  }

  for (const { isbn, perCustomer, copies: copiesAtFirst } of titles) {
    const stock = books.stock.get(isbn)
    if (stock === undefined) continue
    const movements = books.ledger.filter((movement) => movement.isbn === isbn)
    const noted = (what: 'copies' | 'held' | 'sold') =>
      movements.reduce((sum, movement) => sum + movement[what], 0)
    const { copies, held, sold } = stock
    const count = (status: string) =>
      all
        .filter((order) => order.status === status)
        .flatMap((order) => order.lines)
        .reduce((sum, line) => sum + (line.isbn === isbn ? line.quantity : 0), 0)
    if (held + sold > copies || held < 0 || sold < 0)
      found.push(`${isbn} is oversold: ${held} held and ${sold} sold of ${copies}`)
    if (copiesAtFirst + noted('copies') !== copies || noted('held') !== held || noted('sold') !== sold)
      found.push(`${isbn}: the ledger does not add up`)
    if (held !== count('reserved')) found.push(`${isbn}: ${held} held, but orders hold ${count('reserved')}`)
    if (sold !== count('confirmed'))
      found.push(`${isbn}: ${sold} sold, but orders have ${count('confirmed')}`)
    if (perCustomer === null) continue
    for (const email of new Set(all.map((order) => order.email))) {
      const has = all
        .filter((order) => order.email === email && ['reserved', 'confirmed'].includes(order.status))
        .flatMap((order) => order.lines)
        .reduce((sum, line) => sum + (line.isbn === isbn ? line.quantity : 0), 0)
      if (has > perCustomer) found.push(`${email} has ${has} of ${isbn}, more than ${perCustomer}`)
      if (has !== (orders.bought.get(`${isbn} ${email}`) ?? 0))
        found.push(
          `${email}: the limit of ${isbn} counts ${orders.bought.get(`${isbn} ${email}`)}, orders ${has}`,
        )
    }
  }
  return found
}
