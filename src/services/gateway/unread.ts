import type { Exchange } from './proxy/exchange.ts'

/** What waits in memory for readers who take their answers slowly, of all of them. */
const unreadBytesMax = 256 * 1024 * 1024

/**
 * Whose answers have to be given up, the largest first, so that slow readers do not fill the memory. Pages lie there once
 * for all their readers, and do not count.
 */
export function slowestReaders(exchanges: Iterable<Exchange>, bytesMax = unreadBytesMax): Exchange[] {
  let bytes = 0
  for (const exchange of exchanges) bytes += unreadOf(exchange)
  if (bytes <= bytesMax) return []
  const cut: Exchange[] = []
  for (const exchange of [...exchanges].sort((a, b) => unreadOf(b) - unreadOf(a))) {
    if (bytes <= bytesMax) break
    bytes -= unreadOf(exchange)
    cut.push(exchange)
  }
  return cut
}

const unreadOf = ({ response, label }: Exchange) => (label === 'pages' ? 0 : response.writableLength)
