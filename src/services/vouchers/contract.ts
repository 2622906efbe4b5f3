import { anyone, defineRoute, internal } from '#kernel/contract'
import { ClearLetters, LettersCleared, QueueState } from '#kernel/queue-state'
import { closed, Uuid } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'

/** What the generator needs to draw one voucher. */
export const VoucherData = Type.Object({
  code: Type.String(),
  /** Ed25519 signature of the code, base64url. */
  signature: Type.String(),
  isbn: Type.String(),
  title: Type.String(),
  contributors: Type.Array(Type.String()),
  customerName: Type.String(),
  orderId: Uuid,
  orderedAt: Type.String(),
  /** This voucher's place among the order's vouchers, from 1. */
  number: Type.Integer(),
  count: Type.Integer(),
})
export type VoucherData = Static<typeof VoucherData>

/** The key of a voucher's PDF in the object store. */
export const voucherObjectKey = (orderId: string, code: string) => `vouchers/${orderId}/${code}.pdf`

/** Under which name a reader saves it. */
export const voucherFileName = (code: string) => `octavo-voucher-${code}.pdf`

/** The code of the voucher whose PDF has this key; undefined for what is no voucher's. */
export const codeOfVoucherObject = (key: string) => /^vouchers\/[^/]+\/([^/]+)\.pdf$/.exec(key)?.[1]
/** The id of the order whose voucher an object is. */
export const orderOfVoucherObject = (key: string) => /^vouchers\/([^/]+)\//.exec(key)?.[1]

/**
 * Vouchers to be drawn by whoever has time, published on `vouchersWantedTopic` when no generator takes them at once, or one
 * of them cannot be drawn. The queue is shared by all generators.
 */
export const VouchersWanted = Type.Object({ vouchers: Type.Array(VoucherData, { maxItems: 100 }) })
export const getVoucherWork = defineRoute({
  method: 'GET',
  path: '/internal/work',
  tag: 'Internal',
  access: internal,
  reply: Type.Object({ drawing: Type.Integer(), queues: Type.Array(QueueState) }),
  summary: 'Vouchers that wait to be drawn, for operators',
})
export const clearDrawingLetters = defineRoute({
  method: 'POST',
  path: '/internal/queues/{queue}/dead-letters',
  tag: 'Internal',
  access: internal,
  params: Type.Object({ queue: Type.Literal('vouchers-draw') }, closed),
  body: ClearLetters,
  reply: LettersCleared,
  summary: 'Clear dead letters of the drawing queue',
})
export type VouchersWanted = Static<typeof VouchersWanted>
export const vouchersWantedTopic = 'voucher.wanted'

/** The queues of messages that this service takes from. */
export const queues = ['vouchers-draw'] as const

/** A download with a link of ours found no object; a hint, published on `objectMissingTopic`. */
export type ObjectMissing = { key: string }
export const objectMissingTopic = 'object.missing'

/** `stored` are codes whose PDF is in the object store; the last of the others should be there in `dueInMs`. */
export const Drawing = Type.Object({ stored: Type.Array(Type.String()), dueInMs: Type.Integer() })
export type Drawing = Static<typeof Drawing>

/** Vouchers in one request. */
export const drawnAtOnceMax = 5_000

/**
 * Asks for the PDFs of some vouchers; idempotent. The answer does not wait for them: those that are not in the object
 * store yet follow as object notifications.
 */
export const requestVouchers = defineRoute({
  method: 'POST',
  path: '/internal/vouchers',
  tag: 'Internal',
  access: internal,
  body: Type.Object({ vouchers: Type.Array(VoucherData, { maxItems: drawnAtOnceMax }) }),
  reply: Drawing,
  status: 202,
  summary: 'Draw vouchers',
})

/** The target of the files adapter's signed links. */
export const getObject = defineRoute({
  method: 'GET',
  path: '/api/files/{key}',
  tag: 'Vouchers',
  access: anyone,
  params: Type.Object(
    { key: Type.String({ maxLength: 600, description: 'percent-encoded object key' }) },
    closed,
  ),
  query: Type.Object({ expires: Type.Integer(), signature: Type.String({ maxLength: 100 }) }, closed),
  summary: 'Download a file by its signed link',
  also: { 403: 'The link has expired or its signature is wrong.', 410: 'The voucher has been revoked.' },
})

/**
 * Where an S3 store that speaks to webhooks sends its bucket's notifications. They are hints: what is wrong with one, or
 * lost, costs seconds.
 */
export const noteObjects = defineRoute({
  method: 'POST',
  path: '/api/bucket-notifications',
  tag: 'Vouchers',
  access: anyone,
  query: Type.Object({ signature: Type.Optional(Type.String({ maxLength: 100 })) }, closed),
  body: Type.Unknown(),
  status: 204,
  summary: 'Take the notifications of the bucket',
  description:
    'For the S3 store alone. `octavo bucket-webhook` prints the URL with its signature; the signature may also come as a bearer token.',
  also: { 403: 'The signature is not that of this shop.' },
})

/** Notifications as S3 sends them over AMQP; published by the store on `bucketNotifiedTopic`, its routing key. */
export const bucketNotifiedTopic = 'bucket.notified'

export const publicRoutes = [getObject, noteObjects]
