/**
 * Reservations of each second of a drop at EMF 2026: 967 in 17 seconds, 134 in the fiercest. The total, the length and the
 * peak are what was seen; how it fades between them is a smooth curve through them.
 */
const reservedEachSecond: readonly number[] = [
  134, 120, 104, 92, 82, 73, 65, 57, 50, 44, 38, 32, 26, 20, 14, 10, 6,
]

export const dropSeconds = reservedEachSecond.length
export const dropReaders = reservedEachSecond.reduce((sum, n) => sum + n, 0)

/**
 * When each of so many readers arrives, in ms from the opening and in order, in the shape of a drop.
 * @param seconds how long it lasts, longer or shorter than the one that was seen
 */
export function arrivals(readers: number, seconds: number, random: () => number): number[] {
  const stretch = seconds / dropSeconds
  const times: number[] = []
  let passed = 0
  for (const [second, n] of reservedEachSecond.entries()) {
    passed += n
    const due = Math.round((passed / dropReaders) * readers)
    while (times.length < due) times.push((second + random()) * 1000 * stretch)
  }
  return times.sort((a, b) => a - b)
}
