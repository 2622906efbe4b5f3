import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of Linux's process accounting are hundredths of a second on every architecture Node runs on. */
const msPerTick = 10

/** CPU time that processes and their living children have used, in ms: steadier than a rate while others are at work. */
export function cpuMs(pids: readonly number[]): number {
  const wanted = new Set(pids)
  return processes()
    .filter(({ pid, parent }) => wanted.has(pid) || wanted.has(parent))
    .reduce((sum, { usedMs }) => sum + usedMs, 0)
}

/** CPU time that a process has used, with its living children and those that it has waited for, in ms. */
export function cpuMsEver(pid: number): number {
  const stat = readUnlessGone(`/proc/${pid}/stat`)
  const waitedFor = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15)
  return cpuMs([pid]) + waitedFor.reduce((sum, ticks) => sum + Number(ticks) * msPerTick, 0)
}

/** CPU time in ms that each of a process's descendants has used so far, by what they are; the dead count no more. */
export function cpuMsBelow(pid: number): Map<string, number> {
  const children = Map.groupBy(processes(), ({ parent }) => parent)
  const totals = new Map<string, number>()
  const add = ({ pid, usedMs }: Process, inherited: string) => {
    const label = labelOf(pid) ?? inherited
    totals.set(label, (totals.get(label) ?? 0) + usedMs)
    for (const child of children.get(pid) ?? []) add(child, label)
  }
  for (const child of children.get(pid) ?? []) add(child, 'other')
  return totals
}

type Process = { pid: number; parent: number; usedMs: number }

/** Those there are, but for what ended while it was looked at. Source: proc_pid_stat(5). */
function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      const stat = readUnlessGone(`/proc/${name}/stat`)
      // The command's name may hold anything; what follows its last bracket are the state and numbers.
      const [, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const usedMs = (Number(rest[9]) + Number(rest[10])) * msPerTick
      return { pid: Number(name), parent: Number(parent), usedMs }
    })
    .filter(({ usedMs }) => !Number.isNaN(usedMs))
}

/** A role by its name, a database server by its folder; `undefined` for what goes by its parent. */
function labelOf(pid: number): string | undefined {
  const command = readUnlessGone(`/proc/${pid}/cmdline`).split('\0')
  const serve = command.indexOf('serve')
  if (serve >= 0) return command[serve + 1]
  const data = command.find((part) => /\b(book|order)-db\b/.test(part))
  return /\b(book-db|order-db)\b/.exec(data ?? '')?.[1]
}

function readUnlessGone(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
