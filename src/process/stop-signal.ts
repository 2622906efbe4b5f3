/** What is in flight in a process that is asked to end gets this long; whoever asked insists a little later. */
export const finishLimitMs = 6_000

/** The exit code of what was ended by Ctrl-C. Source: POSIX shells, 128 and the signal's number. */
const endedByUser = 130

/**
 * The same for a command that clears up before it ends: what it waits for may be far away, so that it is ended when it has
 * not done so in time.
 */
export function stopOrEnd(): AbortSignal {
  const stop = stopSignal()
  stop.addEventListener('abort', () => setTimeout(() => process.exit(endedByUser), finishLimitMs).unref())
  return stop
}

/** How often to look whether the npm that started us is still there. */
const parentLookMs = 1000

/**
 * A signal that is aborted when this process is asked to end: SIGINT, SIGTERM, SIGHUP, or the end of whoever started
 * it over a channel or through npm. Asking again changes nothing: Ctrl-C reaches a process once from the terminal and
 * once more through npm, and a stop has a limit anyway.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  if (process.channel) {
    process.once('disconnect', () => stop.abort())
    // The channel is there to be noticed when it breaks, and alone must not keep the process alive.
    process.channel.unref()
  }
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid
    const look = setInterval(() => {
      if (process.ppid !== parent) stop.abort()
    }, parentLookMs)
    look.unref()
    stop.signal.addEventListener('abort', () => clearInterval(look))
  }
  return stop.signal
}
