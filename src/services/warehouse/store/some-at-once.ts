/** Does so many at a time. After one that fails none is begun; it throws when those that were begun have ended. */
export async function someAtOnce<Item>(
  items: readonly Item[],
  atOnceMax: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = [...items]
  const worker = async () => {
    try {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
    } finally {
      left.length = 0
    }
  }
  const workers = Array.from({ length: atOnceMax }, worker)
  await Promise.allSettled(workers)
  await Promise.all(workers)
}
