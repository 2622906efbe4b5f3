/**
 * Makes one call of many: what is asked for in the same turn of the event loop goes in one call, and each asker gets
 * its own part of the answer. There is no queue behind it: a call never waits for the one before.
 * @param work answers for each item, in the order of the items; when it rejects, everybody in that call gets the error
 * @param max items in one call; what is more makes a second one
 */
export function together<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  max: number,
): (item: Item) => Promise<Result> {
  let gathered: Asked<Item, Result>[] = []

  const leave = async (asked: readonly Asked<Item, Result>[]) => {
    try {
      const results = await work(asked.map(({ item }) => item))
      for (const [i, { resolve }] of asked.entries()) resolve(results[i] as Result)
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      gathered.push({ item, resolve, reject })
      if (gathered.length > 1) return
      setImmediate(() => {
        const asked = gathered
        gathered = []
        for (let i = 0; i < asked.length; i += max) void leave(asked.slice(i, i + max))
      })
    })
}

type Asked<Item, Result> = { item: Item; resolve(result: Result): void; reject(error: unknown): void }
