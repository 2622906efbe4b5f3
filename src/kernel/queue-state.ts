import { closed, Timestamp } from './schemas.ts'
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

/** What becomes of dead letters: they go back to their queue, to be tried as if they were new, or are thrown away. */
export const ClearLetters = Type.Object(
  {
    ids: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 100 }),
    fate: Type.Union([Type.Literal('retry'), Type.Literal('discard')]),
  },
  closed,
)
export const LettersCleared = Type.Object({
  cleared: Type.Integer({ description: 'how many of them were still there' }),
})
