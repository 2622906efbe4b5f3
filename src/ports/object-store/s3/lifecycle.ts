import { createHash } from 'node:crypto'
import { logger } from '#ports/log'
import type { S3Client } from './client.ts'
import { textOf } from './xml.ts'

const log = logger('object-store')

const ruleId = 'octavo-deleted'
const leftOverDays = 1

/**
 * Has the bucket throw away what a put left behind half-way, and, where it keeps versions, what was deleted or replaced so
 * many days ago. No rule goes by the age of an object that is there: only the shop knows which voucher is still valid, so
 * the shop deletes those that are not. Rules that somebody else made are left as they are.
 */
export async function setLifecycle(client: S3Client, keepDeletedDays: number): Promise<void> {
  const now = await client.ask({ method: 'GET', query: { lifecycle: '' } })
  const others = textOf(now.body.toString('utf8'), 'ID').filter((id) => id !== ruleId)
  if (now.status === 200 && others.length > 0)
    return log.info('the bucket has lifecycle rules of its own, which stay', { rules: others })
  const body = Buffer.from(
    `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>${ruleId}</ID>` +
      '<Filter><Prefix>vouchers/</Prefix></Filter><Status>Enabled</Status>' +
      `<NoncurrentVersionExpiration><NoncurrentDays>${keepDeletedDays}</NoncurrentDays></NoncurrentVersionExpiration>` +
      `<AbortIncompleteMultipartUpload><DaysAfterInitiation>${leftOverDays}</DaysAfterInitiation></AbortIncompleteMultipartUpload>` +
      '</Rule></LifecycleConfiguration>',
  )
  const headers = {
    'content-type': 'application/xml',
    'content-md5': createHash('md5').update(body).digest('base64'),
  }
  const answer = await client.ask({ method: 'PUT', query: { lifecycle: '' }, headers, body })
  if (answer.status >= 300)
    log.info('the object store takes no lifecycle rules', { status: answer.status, code: answer.code })
}
