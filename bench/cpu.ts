import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of Linux's process accounting are hundredths of a second on every architecture Node runs on. */
const msPerTick = 10

/** CPU time that processes and their living children have used, in ms: steadier than a rate while others are at work. */
export function cpuMs(pids: readonly number[]): number {
  const wanted = new Set(pids)
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const fields = statOf(name)
    if (fields === undefined) continue
    const [, parent, ...rest] = fields
    if (wanted.has(Number(name)) || wanted.has(Number(parent))) ticks += Number(rest[9]) + Number(rest[10])
  }
  return ticks * msPerTick
}

/** What follows the name, which may itself hold anything: state, parent, … Source: proc_pid_stat(5). */
function statOf(pid: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
