import { parseArgs } from 'node:util'
import { randomFrom } from '../support/random-from.ts'
import { mutated } from './mutate.ts'
import { type Outcome, readMutated } from './read-mutated.ts'

/**
 * Damages catalogues of every shape and reads them: no crash, no hang, no unbounded memory, and no record that could not
 * be kept. Prints the slowest and exits with 1 where one took longer than it may.
 *
 *   npx node test/imports/fuzz.ts --inputs 100000 --seed 1
 */
const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const inputs = Number(values.inputs)
const first = Number(values.seed)
/** For a file, and for each of its records and empty rows: a hundred thousand short ones are as many to look at. */
const msMax = 250
const recordMsMax = 0.1
const heapBytesMax = 200 * 1024 * 1024

let [books, wrong, unreadable, characters, heapMax] = [0, 0, 0, 0, 0]
const slow: { seed: number; shape: string; ms: number; bytes: number }[] = []
const faults: string[] = []
const isSlow = ({ ms, books, wrong, skipped }: Outcome) =>
  ms > msMax + recordMsMax * (books + wrong + skipped)
const started = performance.now()
for (let seed = first; seed < first + inputs; seed++) {
  const { bytes, shape } = mutated(randomFrom(seed))
  characters += bytes.length
  try {
    let outcome = await readMutated(bytes)
    // What else the machine does can slow one reading down, not three.
    for (let i = 0; i < 2 && isSlow(outcome); i++) {
      const again = await readMutated(bytes)
      if (again.ms < outcome.ms) outcome = again
    }
    books += outcome.books
    wrong += outcome.wrong
    if (outcome.isUnreadable) unreadable++
    if (isSlow(outcome)) slow.push({ seed, shape, ms: outcome.ms, bytes: bytes.length })
  } catch (error) {
    faults.push(`seed ${seed}, ${shape}: ${error instanceof Error ? error.stack : error}`)
    if (faults.length > 20) break
  }
  heapMax = Math.max(heapMax, process.memoryUsage.rss())
}
const seconds = (performance.now() - started) / 1000
console.log(
  `${inputs} inputs of ${(characters / 1e6).toFixed(0)} MB from seed ${first} in ${seconds.toFixed(0)} s: ` +
    `${books} books, ${wrong} refused records, ${unreadable} unreadable files, ${(heapMax / 1e6).toFixed(0)} MB of memory`,
)
for (const { seed, shape, ms, bytes } of slow.toSorted((a, b) => b.ms - a.ms).slice(0, 10))
  console.log(`  ${ms.toFixed(0)} ms for ${bytes} bytes: seed ${seed}, ${shape}`)
for (const fault of faults) console.log(fault)
if (faults.length > 0 || slow.length > 0 || heapMax > heapBytesMax * 2) process.exitCode = 1
