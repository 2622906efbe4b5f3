/** One object that a bucket says was created. */
export type CreatedRecord = { bucket: string; key: string; bytes: number }

/** Of one notification; S3 sends one record in each, others gather some. */
const recordsMax = 1_000

/**
 * Reads a notification as S3 sends it, over AMQP or to a webhook, and MinIO, which wraps the same. Its keys are encoded as in
 * forms. Source: Amazon S3 user guide, "Event message structure".
 * @returns what was created; nothing for events of other kinds, such as the store's test; undefined for what is none
 */
export function readBucketRecords(body: unknown): CreatedRecord[] | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { Records: records, Event: event } = body as { Records?: unknown; Event?: unknown }
  if (records === undefined) return event === 's3:TestEvent' ? [] : undefined
  if (!Array.isArray(records) || records.length > recordsMax) return undefined
  const read = records.map(readRecord)
  return read.includes(undefined) ? undefined : read.flatMap((each) => each ?? [])
}

/** @returns no entry for an event of another kind; undefined for what cannot be read */
function readRecord(record: unknown): CreatedRecord[] | undefined {
  const { eventName, s3 } = (record ?? {}) as {
    eventName?: unknown
    s3?: { bucket?: { name?: unknown }; object?: { key?: unknown; size?: unknown } }
  }
  if (typeof eventName !== 'string') return undefined
  if (!/^(s3:)?ObjectCreated:/.test(eventName)) return []
  const [bucket, key, size] = [s3?.bucket?.name, s3?.object?.key, s3?.object?.size]
  if (typeof bucket !== 'string' || typeof key !== 'string') return undefined
  try {
    const decoded = decodeURIComponent(key.replaceAll('+', ' '))
    return [{ bucket, key: decoded, bytes: typeof size === 'number' ? size : 0 }]
  } catch {
    // A key that is not encoded as it should be names nothing of ours.
    return undefined
  }
}
