import { readBucketRecords } from '#kernel/bucket-records'
import { type Static, type TSchema, Type } from '#kernel/type'
import { type Message, MessageUnusable } from '#ports/broker'
import type { ObjectCreated } from '#ports/object-store'
import { bucketNotifiedTopic } from '#services/vouchers'

/** What a newer program adds is left aside; what it changes so that this one cannot read it goes to the dead letters. */
const ObjectCreatedMessage = Type.Object({ bucket: Type.String(), key: Type.String(), bytes: Type.Number() })
export const ObjectMissingMessage = Type.Object({ key: Type.String() })

/** The objects that a message tells of, ours or the bucket's own. @throws MessageUnusable */
export async function createdIn(message: Message): Promise<ObjectCreated[]> {
  if (message.topic !== bucketNotifiedTopic) return [await readPayload(ObjectCreatedMessage, message)]
  const records = readBucketRecords(message.payload)
  if (records === undefined) throw new MessageUnusable('it is no bucket notification')
  return records
}

/** @throws MessageUnusable saying what is wrong with it */
export async function readPayload<S extends TSchema>(
  schema: S,
  { topic, payload }: Message,
): Promise<Static<S>> {
  // Only now: a role starts without it.
  const { Value } = await import('typebox/value')
  if (Value.Check(schema, payload)) return payload as Static<S>
  const [first] = Value.Errors(schema, payload)
  const place = first?.instancePath ? ` at ${first.instancePath}` : ''
  throw new MessageUnusable(
    `it is no message that this version can read on "${topic}"${place}: ${first?.message}`,
  )
}
