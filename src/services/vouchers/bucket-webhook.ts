import { createHmac } from 'node:crypto'
import { readBucketRecords } from '#kernel/bucket-records'
import { invalid, Problem } from '#kernel/problem'
import { secretLines, signingSecret } from '#kernel/shared-secret'
import { isSame } from '#kernel/signed-calls'
import type { ObjectCreated } from '#ports/object-store'

/** The secret has other uses: a label derives a key for this one alone. */
const label = 'octavo bucket webhook v1'

/** What the S3 store proves itself by; goes into the webhook's URL, or its bearer token. */
export const webhookSignature = (secret: string) =>
  createHmac('sha256', signingSecret(secret)).update(label).digest('base64url')

/** @throws Problem 403 without the signature, 400 for what is no notification */
export function readWebhook(
  secret: string,
  request: { signature: string | undefined; bearer: string | undefined; body: unknown },
): ObjectCreated[] {
  const given = request.signature ?? request.bearer ?? ''
  if (!secretLines(secret).some((line) => isSame(given, webhookSignature(line))))
    throw new Problem(403, 'signature-wrong', 'This is for the S3 store, which has a signature.')
  const records = readBucketRecords(request.body)
  if (records === undefined) throw invalid([{ field: 'body', message: 'is no bucket notification' }])
  return records
}
