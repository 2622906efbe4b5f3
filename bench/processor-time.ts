import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of Linux, as /proc counts them: a hundred a second on every architecture. */
const tickMs = 10

/** Processor time in ms that each of a process's descendants has used so far, by what they are; the dead count no more. */
export function processorTimeBelow(pid: number): Map<string, number> {
  const children = new Map<number, number[]>()
  const used = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readUnlessGone(`/proc/${name}/stat`)
    // The command's name may hold anything; what follows its last bracket are numbers.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const parent = Number(fields[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    used.set(Number(name), (Number(fields[11]) + Number(fields[12])) * tickMs)
  }
  const totals = new Map<string, number>()
  const add = (child: number, inherited: string) => {
    const label = labelOf(child) ?? inherited
    totals.set(label, (totals.get(label) ?? 0) + (used.get(child) ?? 0))
    for (const next of children.get(child) ?? []) add(next, label)
  }
  for (const child of children.get(pid) ?? []) add(child, 'other')
  return totals
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
