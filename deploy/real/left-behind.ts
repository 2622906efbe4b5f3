import { readdirSync, readFileSync } from 'node:fs'
import { commandLine, endProcess, identify, type ProcessIdentity } from '../../src/local/process-identity.ts'

/** Whoever holds parts has this in its environment, and so has all that it starts: the folder they work on. */
export const folderVariable = 'OCTAVO_REAL_FOLDER'

/** Servers write down what they have before they end. */
const graceMs = 20_000

/**
 * Ends what is left of parts whose holder was killed, so that no second server works on the files of one. They are known by
 * their environment, which no other process has that has got one of their pids.
 * @throws Error when another holder has them
 * @returns how many there were
 */
export async function endLeftBehind(folder: string): Promise<number> {
  const left = partsOn(folder)
  const holder = left.find(({ pid }) => commandLine(pid).includes('hold-parts.ts'))
  if (holder !== undefined) throw new Error(`they run already on ${folder} (process ${holder.pid})`)
  await Promise.all(left.map((each) => endProcess(each, 'SIGTERM', graceMs)))
  return left.length
}

function partsOn(folder: string): ProcessIdentity[] {
  const marked = `\0${folderVariable}=${folder}\0`
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const identity = identify(Number(name))
      return identity !== undefined && environmentOf(name).includes(marked) ? [identity] : []
    })
}

function environmentOf(pid: string): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`
  } catch {
    // It has ended, or is not ours.
    return ''
  }
}
