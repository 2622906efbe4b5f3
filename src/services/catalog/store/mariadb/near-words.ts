import type { Statements } from '#ports/database'
import { nearest, oneMistakeAway } from '../../search/nearest-words.ts'
import { list } from './rows.ts'
import { trigramsOf } from './words.ts'

/** The longest word that is looked for in every way it may have been mistyped. */
const nearLengthMax = 24
/** Of the words that begin with one such way, the first in order. */
const perWay = 3
/** So few words begin with so many characters that they are all read at once; others each up to `perWay`. */
const tellingLengthMin = 5
const readMax = 5_000
/** Of the words that have the most trigrams of a word, so many are compared with it. */
const comparedMax = 2_000
/** A trigram that so many words have tells little. */
const commonMin = 5_000

/** For each word those of the vocabulary that look like it, the likest first. */
export async function wordsAlike(
  database: Pick<Statements, 'query'>,
  words: readonly string[],
  limit: number,
): Promise<string[][]> {
  return await Promise.all(
    words.map(async (word) => {
      const near = await wordsNear(database, word)
      return nearest(word, near).length > 0 ? near.slice(0, limit) : await wordsLike(database, word, limit)
    }),
  )
}

/**
 * Those that are one mistake away, or begin so: a hundred looks at an index in one statement, where all that have some
 * trigrams of the word are a large part of the vocabulary. Most mistyped words have one mistake.
 */
async function wordsNear(database: Pick<Statements, 'query'>, word: string): Promise<string[]> {
  if ([...word].length > nearLengthMax) return []
  const ways = oneMistakeAway(word)
  const isTelling = (way: string) => [...way].length >= tellingLengthMin
  const telling = ways.filter(isTelling)
  const short = ways.filter((way) => !isTelling(way))
  const parts = short.map(() => `(SELECT word FROM words WHERE word LIKE ? ORDER BY word LIMIT ${perWay})`)
  if (telling.length > 0)
    parts.push(
      `(SELECT word FROM words WHERE ${telling.map(() => 'word LIKE ?').join(' OR ')} ORDER BY word LIMIT ${readMax})`,
    )
  const rows = await database.query<{ word: string }>(
    parts.join(' UNION ALL '),
    [...short, ...telling].map((way) => `${way}%`),
  )
  const found = [...new Set(rows.map((row) => row.word))].sort()
  // As many of each way as the others would have brought.
  const near = new Set(ways.flatMap((way) => firstWith(found, way, perWay)))
  return likestFirst(word, [...near])
}

/** Source: PostgreSQL's pg_trgm, similarity. */
function likestFirst(word: string, others: readonly string[]): string[] {
  const own = new Set(trigramsOf(word))
  const likeness = (other: string) => {
    const its = trigramsOf(other)
    const shared = its.filter((each) => own.has(each)).length
    return shared / (own.size + its.length - shared)
  }
  return others
    .map((other) => ({ other, is: likeness(other) }))
    .sort((a, b) => b.is - a.is || (a.other < b.other ? -1 : 1))
    .map(({ other }) => other)
}

/** The first of sorted words that begin with a text. */
function firstWith(sorted: readonly string[], beginning: string, count: number): string[] {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((sorted[middle] ?? '') < beginning) from = middle + 1
    else to = middle
  }
  return sorted.slice(from, from + count).filter((each) => each.startsWith(beginning))
}

/**
 * By the part of their trigrams that both have. Those that a large part of the vocabulary has, as how a word begins, tell
 * little and are left out where others tell more.
 */
async function wordsLike(
  database: Pick<Statements, 'query'>,
  word: string,
  limit: number,
): Promise<string[]> {
  const trigrams = await tellingOf(database, trigramsOf(word))
  const rows = await database.query<{ word: string }>(
    `SELECT word FROM word_trigrams WHERE trigram IN (${list(trigrams.length)})
      GROUP BY word ORDER BY count(*) DESC, word LIMIT ${comparedMax}`,
    trigrams,
  )
  return likestFirst(
    word,
    rows.map((row) => row.word),
  ).slice(0, limit)
}

async function tellingOf(
  database: Pick<Statements, 'query'>,
  trigrams: readonly string[],
): Promise<readonly string[]> {
  const each = `SELECT ? AS trigram, count(*) AS n FROM (SELECT 1 FROM word_trigrams WHERE trigram = ? LIMIT ${commonMin}) w`
  const rows = await database.query<{ trigram: string; n: number }>(
    trigrams.map((_, i) => `${each}${i}`).join(' UNION ALL '),
    trigrams.flatMap((trigram) => [trigram, trigram]),
  )
  const met = rows.filter(({ n }) => n > 0).sort((a, b) => a.n - b.n)
  const telling = met.filter(({ n }, i) => n < commonMin || i === 0)
  return telling.length === 0 ? trigrams : telling.map(({ trigram }) => trigram)
}
