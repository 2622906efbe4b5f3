import type { Progress } from './backup/base.ts'

const everyMs = 500

/** Says how far a backup is: over and over in one line of a terminal, every tenth of it elsewhere. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): Progress {
  let [saidMs, saidTenth] = [0, 0]
  return ({ bytes, ofBytes }) => {
    const tenth = ofBytes === 0 ? 10 : Math.floor((bytes / ofBytes) * 10)
    const isOver = bytes >= ofBytes
    const isDue = stream.isTTY ? performance.now() - saidMs > everyMs || isOver : tenth > saidTenth
    if (!isDue) return
    saidMs = performance.now()
    saidTenth = tenth
    const [done, all] = [bytes, ofBytes].map((each) => Math.round(each / 1024 / 1024))
    stream.write(`${stream.isTTY ? '\r' : ''}${done} of ${all} MB${stream.isTTY && !isOver ? '' : '\n'}`)
  }
}
