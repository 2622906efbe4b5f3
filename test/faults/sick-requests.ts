import { existsSync, readFileSync } from 'node:fs'
import { Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'

/** How a process answers that neither died nor hangs: with bytes that are no HTTP, not at all, or late. */
export type Sickness = 'garbage' | 'reset' | 'slow'

/** Longer than anybody's request takes, and shorter than what counts as no sign of life. */
const slowMs = 600

/** The file that makes the process of this id sick for as long as it is there; its text is the sickness. */
export const sicknessFile = (folder: string, pid: number) => join(folder, `sick.${pid}`)

/** From now on this process answers requests as its file says, probes as well. */
export function fallSickWhenTold(folder: string): void {
  const file = sicknessFile(folder, process.pid)
  const emit: (this: Server, event: string, ...given: unknown[]) => boolean = Server.prototype.emit
  Server.prototype.emit = function (this: Server, event: string, ...given: unknown[]) {
    if (event !== 'request' || !existsSync(file)) return emit.call(this, event, ...given)
    const { socket } = given[1] as ServerResponse
    const sickness = readFileSync(file, 'utf8') as Sickness
    if (sickness === 'slow') setTimeout(() => emit.call(this, event, ...given), slowMs)
    else if (sickness === 'reset') socket?.destroy()
    else socket?.end('\0\x01 not HTTP at all\r\n\r\n')
    return true
  }
}
