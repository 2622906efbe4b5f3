/** The log is kept as PostgreSQL cuts it: files of 16 MB, each named by its timeline and its place. */
export const segmentBytes = 16 * 1024 * 1024

/** A part of one file of a database's log. */
export type LogPiece = { segment: string; from: number; to: number }

/** Where the log of a database stands, or has been kept to. */
export type LogPosition = { timeline: number; lsn: bigint }

const hex = (value: number | bigint, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0')

/** The file that holds what is written at a position. Source: PostgreSQL's XLogFileName. */
export function segmentAt({ timeline, lsn }: LogPosition): string {
  return hex(timeline, 8) + hex(lsn >> 32n, 8) + hex((lsn & 0xffffffffn) / BigInt(segmentBytes), 8)
}

export function startOf(segment: string): LogPosition {
  const [timeline, high, low] = [0, 8, 16].map((at) => Number.parseInt(segment.slice(at, at + 8), 16))
  return {
    timeline: timeline ?? 0,
    lsn: (BigInt(high ?? 0) << 32n) + BigInt(low ?? 0) * BigInt(segmentBytes),
  }
}

/** Where a file begins that holds this position. */
export const segmentStart = (lsn: bigint) => lsn - (lsn % BigInt(segmentBytes))

/** The pieces that a stretch of one timeline falls into, at the ends of files. */
export function piecesBetween({ timeline, lsn: from }: LogPosition, to: bigint): LogPiece[] {
  const pieces: LogPiece[] = []
  for (let lsn = from; lsn < to; ) {
    const start = segmentStart(lsn)
    const end = start + BigInt(segmentBytes) < to ? start + BigInt(segmentBytes) : to
    pieces.push({
      segment: segmentAt({ timeline, lsn }),
      from: Number(lsn - start),
      to: Number(end - start),
    })
    lsn = end
  }
  return pieces
}

/** The key of a piece: its file, and the stretch of it. */
export const pieceKey = (database: string, { segment, from, to }: LogPiece) =>
  `log/${database}/${segment}.${hex(from, 7)}-${hex(to, 7)}`

/** @returns undefined for what is no piece, such as the history of a timeline */
export function pieceOf(key: string): LogPiece | undefined {
  const [, segment, from, to] = /\/([0-9A-F]{24})\.([0-9A-F]{7})-([0-9A-F]{7})$/.exec(key) ?? []
  if (segment === undefined || from === undefined || to === undefined) return undefined
  return { segment, from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }
}

/**
 * Chooses pieces that together are a file from its beginning, the longest first, as far as they reach.
 * @returns how far that is
 */
export function coverage<Piece extends LogPiece>(pieces: readonly Piece[]): { chosen: Piece[]; to: number } {
  const chosen: Piece[] = []
  let to = 0
  for (;;) {
    const next = pieces
      .filter((piece) => piece.from <= to && piece.to > to)
      .reduce<Piece | undefined>((best, piece) => (best && best.to >= piece.to ? best : piece), undefined)
    if (next === undefined) return { chosen, to }
    chosen.push(next)
    to = next.to
  }
}

/** When each timeline before this one ended. Source: PostgreSQL's timeline.c, readTimeLineHistory. */
export function endsOf(history: string): { timeline: number; lsn: bigint }[] {
  return history.split('\n').flatMap((line) => {
    const [, timeline, high, low] = /^\s*(\d+)\s+([0-9A-Fa-f]+)\/([0-9A-Fa-f]+)/.exec(line) ?? []
    if (timeline === undefined) return []
    return [{ timeline: Number(timeline), lsn: (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) }]
  })
}

/** The history of a timeline that a later one tells of. */
export function historyBefore(history: string, timeline: number): string {
  const lines = history.split('\n').filter((line) => endsOf(line).some((each) => each.timeline < timeline))
  return lines.map((line) => `${line}\n`).join('')
}

export const historyName = (timeline: number) => `${hex(timeline, 8)}.history`

export function parsePosition(timeline: string, lsn: string): LogPosition {
  const [high = '0', low = '0'] = lsn.split('/')
  return { timeline: Number.parseInt(timeline, 16), lsn: (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) }
}
