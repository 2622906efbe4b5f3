/**
 * Measures how long the event loop is held: the processor time this thread uses between two rounds of it, so that a busy
 * machine counts for nothing.
 */
export type TurnWatchdog = Disposable & {
  /** The longest turn since the last call, in milliseconds. */
  longestMs(): number
}

export function watchTurns(): TurnWatchdog {
  let longest = 0
  let last = process.threadCpuUsage()
  let isOver = false
  const turn = () => {
    const now = process.threadCpuUsage()
    longest = Math.max(longest, now.user - last.user + now.system - last.system)
    last = now
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    longestMs() {
      const found = longest / 1000
      longest = 0
      return found
    },
    [Symbol.dispose]() {
      isOver = true
    },
  }
}
