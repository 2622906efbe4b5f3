import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What a store on a laptop said lately: two files, of which the older one goes when the newer one is full. */
const keptBytesMax = 32 * 1024 * 1024
const writeEveryMs = 200
/** Lines that wait to be written; what comes faster than a disk takes it is not kept. */
const waitingBytesMax = 8 * 1024 * 1024

export type KeptLog = Disposable & { add(line: string): void }

/** Keeps lines of JSON in the data folder, readable by this user alone. */
export function keepLog(dataPath: string, bytesMax = keptBytesMax): KeptLog {
  const [newer, older] = filesOf(dataPath)
  mkdirSync(join(dataPath, 'log'), { recursive: true, mode: 0o700 })
  let bytes = existsSync(newer) ? statSync(newer).size : 0
  let waiting: string[] = []
  let waitingBytes = 0
  const write = () => {
    if (waiting.length === 0) return
    const text = `${waiting.join('\n')}\n`
    waiting = []
    waitingBytes = 0
    try {
      if (bytes > bytesMax / 2) {
        renameSync(newer, older)
        bytes = 0
      }
      appendFileSync(newer, text, { mode: 0o600 })
      bytes += Buffer.byteLength(text)
    } catch {
      // A disk that is full must not end the store; the terminal has the lines.
    }
  }
  const timer = setInterval(write, writeEveryMs).unref()
  return {
    add(line) {
      if (waitingBytes > waitingBytesMax) return
      waiting.push(line)
      waitingBytes += line.length
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      write()
    },
  }
}

export type KeptLine = Readonly<Record<string, unknown>>

/** The lines that are kept, oldest first, whose text has one of these words. */
export function linesWith(dataPath: string, words: readonly string[]): KeptLine[] {
  return filesOf(dataPath)
    .toReversed()
    .flatMap((path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []))
    .filter((line) => words.some((word) => line.includes(word)))
    .map(parsed)
    .filter((line) => line !== undefined)
}

function parsed(line: string): KeptLine | undefined {
  try {
    return JSON.parse(line) as KeptLine
  } catch {
    // The last line of a store that was killed may be half a line.
    return undefined
  }
}

function filesOf(dataPath: string): [newer: string, older: string] {
  return [join(dataPath, 'log', 'octavo.log'), join(dataPath, 'log', 'octavo.1.log')]
}
