/** Where a word may be parted, each part has so many letters; digits may stand alone. */
const lettersMin = 3
/** Longer words are none that somebody wrote together by a slip. */
const lengthMax = 40

type Parting = readonly [string, string]

/** All words that `otherSpacings` may make of these: whether they are known is asked once. */
export function wordsOtherwiseSpaced(words: readonly string[]): string[] {
  const parted = words.flatMap(partings).flat()
  return [...new Set([...parted, ...neighbours(words).map(({ joined }) => joined)])]
}

/**
 * The words with their spaces elsewhere, where that makes known words: "mobydick" as "moby dick", "hitch hikers" as
 * "hitchhikers". Strange words are parted all at once, neighbours joined pair by pair, words that are known ("halfblood")
 * parted one by one.
 */
export function otherSpacings(
  words: readonly string[],
  isStrange: (word: string) => boolean,
  isKnown: (word: string) => boolean,
): string[][] {
  const parts = words.map((word) => knownParting(word, isKnown))
  const partedWhere = (isParted: (at: number) => boolean) =>
    words.flatMap((word, at) => (isParted(at) && parts[at]) || [word])
  const strange = words.map((word, at) => parts[at] !== undefined && isStrange(word))
  const joined = neighbours(words)
    .filter((pair) => isKnown(pair.joined))
    .map(({ at, joined: word }) => [...words.slice(0, at), word, ...words.slice(at + 2)])
  const one = words.flatMap((_, at) =>
    parts[at] === undefined || strange[at] ? [] : [partedWhere((each) => each === at)],
  )
  return [...(strange.includes(true) ? [partedWhere((at) => strange[at] === true)] : []), ...joined, ...one]
}

/** The most even of those whose parts are both known. */
function knownParting(word: string, isKnown: (word: string) => boolean): Parting | undefined {
  const [best] = partings(word)
    .filter((parts) => parts.every(isKnown))
    .sort((a, b) => shorter(b) - shorter(a))
  return best
}

const shorter = ([a, b]: Parting) => Math.min(a.length, b.length)

function partings(word: string): Parting[] {
  const letters = [...word]
  if (letters.length > lengthMax) return []
  return letters
    .slice(1)
    .map((_, i): Parting => [letters.slice(0, i + 1).join(''), letters.slice(i + 1).join('')])
    .filter((parts) => parts.every(isPart))
}

const isPart = (part: string) => /^\d+$/.test(part) || (part.length >= lettersMin && !/^\d|\d$/.test(part))

const neighbours = (words: readonly string[]) =>
  words.slice(1).map((word, at) => ({ at, joined: `${words[at]}${word}` }))
