import { logger } from '#ports/log'
import {
  checkKey,
  type ObjectStore,
  type ObjectStoreOptions,
  ObjectStoreUnavailable,
} from '../object-store.ts'
import { signedLink } from '../signed-link.ts'
import { openS3Client, type S3Answer, type S3Client } from './client.ts'
import { setLifecycle } from './lifecycle.ts'
import { parseS3Url } from './url.ts'
import { textOf } from './xml.ts'

const log = logger('object-store')

/** An answer about the bucket stands for this long. */
const bucketSeenMs = 5_000

/**
 * Objects in a bucket of S3 or of a store that speaks its protocol. That there is no such object is believed only of a
 * store whose bucket is there.
 */
export async function openS3Store(url: string, options: ObjectStoreOptions): Promise<ObjectStore> {
  const s3 = parseS3Url(url)
  const client = await openS3Client(s3)
  const checkBucket = bucketCheck(client, s3.bucket)
  if (options.keepDeletedDays !== undefined)
    // It is tried again at the next start; what the rules would have tidied only takes room.
    void setLifecycle(client, options.keepDeletedDays).catch((error: unknown) =>
      log.warn('the bucket has no lifecycle rules', { error }),
    )

  const read = async (method: 'GET' | 'HEAD', key: string): Promise<S3Answer | undefined> => {
    checkKey(key)
    const answer = await client.ask({ method, key })
    if (answer.status === 200) return answer
    if (answer.status === 404 && answer.code === 'NoSuchKey') return undefined
    await checkBucket(answer)
    return undefined
  }

  return {
    async put(key, body, contentType) {
      checkKey(key)
      const headers = { 'content-type': contentType, ...s3.encryption }
      const answer = await client.ask({ method: 'PUT', key, headers, body })
      if (answer.status >= 300) await refused(answer)
      if (s3.announce === 'bucket') return
      try {
        await options.onCreated?.({ bucket: s3.bucket, key, bytes: body.length })
      } catch (error) {
        log.warn('nobody was told of an object', { key, error })
      }
    },
    async get(key) {
      const answer = await read('GET', key)
      return answer && { body: answer.body, contentType: answer.headers['content-type'] ?? '' }
    },
    async head(key) {
      const answer = await read('HEAD', key)
      return (
        answer && {
          bytes: Number(answer.headers['content-length']),
          contentType: answer.headers['content-type'] ?? '',
        }
      )
    },
    async delete(key) {
      checkKey(key)
      const answer = await client.ask({ method: 'DELETE', key })
      if (answer.status >= 300 && answer.code !== 'NoSuchKey') await checkBucket(answer)
    },
    list: (prefix) => listAll(client, prefix),
    presign(key, expiresAtMs, saveAs) {
      checkKey(key)
      return client.link(key, expiresAtMs, saveAs) ?? signedLink(options.secret, key, expiresAtMs)
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  }
}

/** An answer of 404 may come of a bucket that is gone, or of a proxy that has nothing behind it. */
function bucketCheck(client: S3Client, bucket: string): (answer: S3Answer) => Promise<void> {
  let seenMs = Number.NEGATIVE_INFINITY
  return async (answer) => {
    if (answer.status !== 404 || answer.code !== '') await refused(answer)
    if (performance.now() - seenMs < bucketSeenMs) return
    const { status } = await client.ask({ method: 'HEAD' })
    if (status !== 200)
      throw new ObjectStoreUnavailable(`the object store has no bucket ${bucket} (it answered ${status})`)
    seenMs = performance.now()
  }
}

async function refused({ status, code }: S3Answer): Promise<never> {
  throw new ObjectStoreUnavailable(`the object store answered ${status}${code && ` ${code}`}`)
}

/** All keys under a prefix, a page of a thousand after the other. */
async function listAll(client: S3Client, prefix: string): Promise<string[]> {
  const keys: string[] = []
  let token: string | undefined
  do {
    const query = {
      'list-type': '2',
      'encoding-type': 'url',
      prefix,
      ...(token !== undefined && { 'continuation-token': token }),
    }
    const answer = await client.ask({ method: 'GET', query })
    if (answer.status !== 200) await refused(answer)
    const xml = answer.body.toString('utf8')
    const isEncoded = textOf(xml, 'EncodingType')[0] === 'url'
    // As in forms: a space is a plus.
    const decode = (text: string) => (isEncoded ? decodeURIComponent(text.replaceAll('+', ' ')) : text)
    keys.push(...textOf(xml, 'Key').map(decode))
    token = textOf(xml, 'IsTruncated')[0] === 'true' ? textOf(xml, 'NextContinuationToken')[0] : undefined
  } while (token !== undefined)
  return keys.sort()
}
