import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Want } from '#kernel/database-turn'
import { StartError, writePrivate } from '../data-folder.ts'

const fileName = 'turn.json'
const states: readonly string[] = ['turned', 'primary', 'replica']

/**
 * What this server was last told: written down before it is done, so that a start goes by it and back to nothing earlier.
 * @param path the server's folder
 * @throws StartError when what is written there cannot be read: to guess could lose orders
 */
export function readTurn(path: string): Want | undefined {
  const file = join(path, fileName)
  if (!existsSync(file)) return undefined
  try {
    const turn = JSON.parse(readFileSync(file, 'utf8')) as Want
    if (Number.isSafeInteger(turn.epoch) && states.includes(turn.state) && Array.isArray(turn.members))
      return turn
  } catch {
    // Said below, whatever is wrong with it.
  }
  throw new StartError(`${file} does not say which turn this server is in; put it back from a backup`)
}

/** Lasts over a power cut. */
export function writeTurn(path: string, turn: Want): void {
  writePrivate(join(path, fileName), JSON.stringify(turn, null, 2), { flush: true })
}
