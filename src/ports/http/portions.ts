/** After so long the rest waits for the next turn of the event loop. */
const turnMs = 3

/**
 * Does small pieces of work one after the other and never many in one turn of the event loop: thousands of connections may
 * come to their end in the same moment, by somebody's plan.
 */
export function inPortions<T>(work: (item: T) => void): (item: T) => void {
  let waiting: T[] = []
  let isRunning = false
  const run = () => {
    const startedMs = performance.now()
    let done = 0
    while (done < waiting.length && (done === 0 || performance.now() - startedMs < turnMs))
      work(waiting[done++] as T)
    waiting = waiting.slice(done)
    isRunning = waiting.length > 0
    if (isRunning) setImmediate(run)
  }
  return (item) => {
    waiting.push(item)
    if (isRunning) return
    isRunning = true
    setImmediate(run)
  }
}
