import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Problem } from '#kernel/problem'

/** A body that was received whole and waits on disk; disposing it removes it. */
export type Spooled = AsyncDisposable & { bytes: number; path: string; read(): AsyncIterable<Uint8Array> }

const bodyBytesMax = 1024 ** 3

/**
 * Puts a request body on disk, so that the caller can be answered before it is worked through.
 * @throws Problem 413 when it is larger than one gibibyte
 */
export async function spool(body: Readable): Promise<Spooled> {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-import-'))
  const path = join(folder, 'body')
  const remove = () => rm(folder, { recursive: true, force: true })
  let bytes = 0
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          bytes += chunk.length
          if (bytes > bodyBytesMax)
            throw new Problem(413, 'body-too-large', 'An import takes files up to 1 GiB.')
          yield chunk
        }
      },
      createWriteStream(path, { mode: 0o600 }),
    )
  } catch (error) {
    await remove()
    throw error
  }
  return { bytes, path, read: () => createReadStream(path), [Symbol.asyncDispose]: remove }
}
