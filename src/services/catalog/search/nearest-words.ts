/** How many readings of a mistyped word are searched for together. */
const readingsMax = 12

/**
 * The words of `candidates` that a typist most probably meant by `word`: those with the fewest mistakes, in the order
 * given; none when all are too far off. A word still being typed is compared with the beginnings of words as well.
 */
export function nearest(word: string, candidates: readonly string[]): string[] {
  const allowed = mistakesAllowed(word)
  if (allowed === 0) return []
  const measured = candidates
    .map((candidate) => ({ candidate, distance: distanceFrom(word, candidate, allowed) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance)
  const best = Math.floor(measured[0]?.distance ?? 0)
  const readings = measured.filter(({ distance }) => Math.floor(distance) === best)
  return readings.slice(0, readingsMax).map(({ candidate }) => candidate)
}

const latin = 'abcdefghijklmnopqrstuvwxyz0123456789'

/**
 * Every text that is one mistake away from `word`, in small Latin letters, digits and the letters that it has itself.
 * Source: P. Norvig, "How to Write a Spelling Corrector", 2007.
 */
export function oneMistakeAway(word: string): string[] {
  const letters = [...word]
  const alphabet = [...new Set([...latin, ...letters])]
  const found = new Set<string>()
  for (let i = 0; i <= letters.length; i++) {
    const [before, here, next = '', after] = [
      letters.slice(0, i).join(''),
      letters[i],
      letters[i + 1],
      letters.slice(i + 1).join(''),
    ]
    for (const letter of alphabet) found.add(before + letter + (here ?? '') + after)
    if (here === undefined) continue
    for (const letter of alphabet) found.add(before + letter + after)
    found.add(before + after)
    if (next !== '') found.add(before + next + here + letters.slice(i + 2).join(''))
  }
  found.delete(word)
  return [...found]
}

/** How many whole words are looked for beside one that may be unfinished. */
const slipsMax = 6
/** Shorter beginnings are too near to too many words. */
const slipLengthMin = 5

/** Whether the beginning of a word is long enough to be a mistyped one. */
export const maySlip = (word: string) => [...word].length >= slipLengthMin && !/^\d+$/.test(word)

/** Those of `candidates` that are one mistake away from `word` as a whole, in the order given. */
export function slips(word: string, candidates: readonly string[]): string[] {
  return candidates.filter((candidate) => mistakes(word, candidate, 1) === 1).slice(0, slipsMax)
}

/** Whether any other word is near enough to be meant: looking for it among millions costs more than all else. */
export const mayBeMisspelt = (word: string) => mistakesAllowed(word) > 0

/** In a short word one wrong letter makes another word; a long one still shows what was meant with two. */
function mistakesAllowed(word: string): number {
  const length = [...word].length
  if (length <= 3 || /^\d+$/.test(word)) return 0
  return length <= 5 ? 1.5 : 2.5
}

/** Half a mistake more for a candidate that only begins like the word, so that whole words win. */
function distanceFrom(word: string, candidate: string, limit: number): number {
  const whole = mistakes(word, candidate, limit)
  if (candidate.length <= word.length) return whole
  return Math.min(whole, mistakes(word, candidate.slice(0, word.length), limit) + 0.5)
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours between two words, or Infinity when more than `limit`.
 * Source: optimal string alignment; L. Boytsov, "Indexing methods for approximate dictionary searching", 2011, 2.2.
 */
export function mistakes(a: string, b: string, limit: number): number {
  const [s, t] = [[...a], [...b]]
  if (Math.abs(s.length - t.length) > limit) return Number.POSITIVE_INFINITY
  let beforeLast: number[] = []
  let last = Array.from({ length: t.length + 1 }, (_, j) => j)
  for (let i = 1; i <= s.length; i++) {
    const row = [i]
    for (let j = 1; j <= t.length; j++) {
      const same = s[i - 1] === t[j - 1]
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && s[i - 1] === t[j - 2] && s[i - 2] === t[j - 1])
        cost = Math.min(cost, at(beforeLast, j - 2) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  const total = at(last, t.length)
  return total > limit ? Number.POSITIVE_INFINITY : total
}

const at = (row: readonly number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY
