import { Timestamp } from './schemas.ts'
import { type Static, Type } from './type.ts'

/** A queue of messages, as whoever looks after it sees it: without what the messages say. */
export const QueueState = Type.Object(
  {
    queue: Type.String(),
    waiting: Type.Integer({ description: 'messages that are not done, at work or to be tried again' }),
    dead: Type.Integer({ description: 'messages that it gave up on' }),
    deadLetters: Type.Array(
      Type.Object({
        id: Type.String(),
        topic: Type.String(),
        publishedAt: Timestamp,
        attempt: Type.Integer(),
        error: Type.String(),
      }),
      { description: 'the newest of those' },
    ),
  },
  { $id: 'QueueState' },
)
export type QueueState = Static<typeof QueueState>
