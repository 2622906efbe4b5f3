import type { LocalCut } from '../store/local-cut.ts'
import { type Answered, type CutReader, openCutReader, type Query } from './answer-query.ts'

// A process of its own, so that the engine takes no memory while nobody asks, and one query too long or too large takes
// nothing else with it. Its parent sends queries one after the other and ends it.

export type Asked = { id: number; cut: LocalCut; workFolder: string; query: Query }
export type Told = { id: number; answered: Answered }

let opened: { folder: string; reader: CutReader } | undefined

/**
 * The engine bounds what it sorts and joins, and not what one value takes: a text of two gigabytes is made as it is asked
 * for. What is past this ends with the process, and whoever asked is told.
 */
const residentBytesMax = 768 * 1024 * 1024
const lookEveryMs = 20
setInterval(() => {
  if (process.memoryUsage.rss() > residentBytesMax) process.kill(process.pid, 'SIGKILL')
}, lookEveryMs)

process.on('message', async ({ id, ...asked }: Asked) => {
  const answered = await answer(asked).catch(
    (error: Error): Answered => ({ kind: 'refused', reason: error.message.split('\n')[0] ?? '' }),
  )
  process.send?.({ id, answered } satisfies Told)
})

/** Opens the cut first when it is another one. @throws when its files cannot be read */
async function answer({ cut, workFolder, query }: Omit<Asked, 'id'>): Promise<Answered> {
  if (opened?.folder !== cut.folder) {
    await opened?.reader[Symbol.asyncDispose]()
    opened = undefined
    opened = { folder: cut.folder, reader: await openCutReader(cut, workFolder) }
  }
  return await opened.reader.answer(query)
}

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
