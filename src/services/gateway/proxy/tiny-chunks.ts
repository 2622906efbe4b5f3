/** So many pieces may be small: the last of a body, and what a slow line brings. */
const piecesFree = 128
const averageBytesMin = 32

/**
 * Whether a body comes in pieces so small that taking them costs far more than sending them: chunks of one byte, which
 * no program sends. Called with each piece.
 */
export function tinyChunks(): (piece: Buffer) => boolean {
  let [pieces, bytes] = [0, 0]
  return (piece) => {
    pieces++
    bytes += piece.length
    return pieces > piecesFree && bytes < pieces * averageBytesMin
  }
}
