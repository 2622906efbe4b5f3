import type { BodyOf, QueryOf, ReplyOf } from '#kernel/contract'
import type { ImportList, NewBook, Stock } from '#services/catalog'
import type { FleetView } from '#services/edge'
import type {
  Availability,
  Book,
  BookList,
  Import,
  Order,
  OrderList,
  System,
  Voucher,
} from '#services/gateway'
import type {
  changePassword as changePasswordRoute,
  clearDeadLetters as clearDeadLettersRoute,
  confirmSecondFactor as confirmSecondFactorRoute,
  eraseCustomer as eraseCustomerRoute,
  listOrders as listOrdersRoute,
  listSessions as listSessionsRoute,
  offerSecondFactor as offerSecondFactorRoute,
} from '#services/orders'
import type {
  getReport as getReportRoute,
  queryWarehouse as queryWarehouseRoute,
  ReportList,
  ReportResult,
} from '#services/warehouse'
import type { BookQuery } from '../api/books.ts'
import { type Reply, segment } from '../api/client.ts'
import { staffCall, staffCallForReply } from './session.ts'

const cancelDeadlineMs = 20_000
const reportDeadlineMs = 20_000
const clearDeadlineMs = 30_000

export type OrderQuery = QueryOf<typeof listOrdersRoute>

export const getVoucher = (code: string) => staffCall<Voucher>('GET', `/api/vouchers/${segment(code)}`)
export const redeemVoucher = (code: string) =>
  staffCall<Voucher>('POST', `/api/vouchers/${segment(code)}/redeem`)

export const listOrders = (query: OrderQuery, signal?: AbortSignal) =>
  staffCall<OrderList>('GET', '/api/orders', { query, signal })
export const getOrder = (id: string, signal?: AbortSignal) =>
  staffCall<Order>('GET', `/api/orders/${segment(id)}`, { signal })
export const cancelOrder = (id: string) =>
  staffCall<Order>('POST', `/api/orders/${segment(id)}/cancel`, { deadlineMs: cancelDeadlineMs })

export const listBooks = (query: BookQuery, signal?: AbortSignal) =>
  staffCall<BookList>('GET', '/api/books', { query, signal })

/** A book with the entity tag that an edit has to name. */
export type BookVersion = { book: Book; etag: string | undefined }

/** Reads a book past every cache on the way: an edit starts from what is true now. */
export async function readBook(isbn: string): Promise<BookVersion> {
  const headers = { 'cache-control': 'no-cache' }
  return versionOf(await staffCallForReply<Book>('GET', `/api/books/${segment(isbn)}`, { headers }))
}

/** @throws ApiProblem 409 when the ISBN is taken, 400 with the wrong fields */
export const createBook = (book: NewBook) => staffCall<Book>('POST', '/api/books', { body: book })

/** @throws ApiProblem 412 when somebody else changed the book since `etag` */
export async function replaceBook(
  isbn: string,
  book: Omit<NewBook, 'isbn'>,
  etag: string | undefined,
): Promise<BookVersion> {
  const path = `/api/books/${segment(isbn)}`
  return versionOf(await staffCallForReply<Book>('PUT', path, { body: book, headers: ifMatch(etag) }))
}

/** @throws ApiProblem 409 when copies are held or sold */
export const deleteBook = (isbn: string, etag: string | undefined) =>
  staffCall<void>('DELETE', `/api/books/${segment(isbn)}`, { headers: ifMatch(etag) })

export const getStock = (isbn: string, signal?: AbortSignal) =>
  staffCall<Stock>('GET', `/api/books/${segment(isbn)}/stock`, { signal })
/** Sets the copies owned. @throws ApiProblem 409 when fewer than are sold and held */
export const setStock = (isbn: string, copies: number, reason: string | undefined) =>
  staffCall<Availability>('PUT', `/api/books/${segment(isbn)}/stock`, { body: { copies, reason } })

export const listImports = (signal?: AbortSignal) => staffCall<ImportList>('GET', '/api/imports', { signal })
export const getImport = (id: string, signal?: AbortSignal) =>
  staffCall<Import>('GET', `/api/imports/${segment(id)}`, { signal })

const versionOf = (reply: Reply<Book>): BookVersion => ({
  book: reply.data,
  etag: reply.headers.get('etag') ?? undefined,
})

const ifMatch = (etag: string | undefined): Record<string, string> => (etag ? { 'if-match': etag } : {})

/** @throws ApiProblem 400 naming what is wrong */
export const offerSecondFactor = (body: BodyOf<typeof offerSecondFactorRoute>) =>
  staffCall<ReplyOf<typeof offerSecondFactorRoute>>('POST', '/api/session/second-factor', { body })
/** @throws ApiProblem 400 for a code that is not of the offered one */
export const confirmSecondFactor = (body: BodyOf<typeof confirmSecondFactorRoute>) =>
  staffCall<ReplyOf<typeof confirmSecondFactorRoute>>('PUT', '/api/session/second-factor', { body })
export const listSessions = (signal?: AbortSignal) =>
  staffCall<ReplyOf<typeof listSessionsRoute>>('GET', '/api/sessions', { signal })
export const endSession = (id: string) => staffCall<void>('DELETE', `/api/sessions/${segment(id)}`)

export const changePassword = (body: BodyOf<typeof changePasswordRoute>) =>
  staffCall<void>('PUT', '/api/session/password', { body })

export const getSystem = (signal?: AbortSignal) => staffCall<System>('GET', '/api/system', { signal })

/** @throws ApiProblem 503 while the broker is away */
export const clearDeadLetters = (queue: string, ids: string[], fate: 'retry' | 'discard') =>
  staffCall<ReplyOf<typeof clearDeadLettersRoute>>('POST', `/api/queues/${segment(queue)}/dead-letters`, {
    body: { ids, fate },
    deadlineMs: clearDeadlineMs,
  })

export const getFleet = (signal?: AbortSignal) => staffCall<FleetView>('GET', '/api/fleet', { signal })

export type ErasureReport = ReplyOf<typeof eraseCustomerRoute>
/** @throws ApiProblem 409 while an order of the customer is under way */
export const eraseCustomer = (email: string) =>
  staffCall<ErasureReport>('POST', '/api/erasures', { body: { email }, deadlineMs: reportDeadlineMs })

export const listReports = (signal?: AbortSignal) => staffCall<ReportList>('GET', '/api/reports', { signal })
export const getReport = (name: string, query: QueryOf<typeof getReportRoute>, signal?: AbortSignal) =>
  staffCall<ReportResult>('GET', `/api/reports/${segment(name)}`, {
    query,
    signal,
    deadlineMs: reportDeadlineMs,
  })
export const loadWarehouse = () => staffCall<void>('POST', '/api/reports/loads')
export type QueryResult = ReplyOf<typeof queryWarehouseRoute>
/** @throws ApiProblem 422 saying why the SQL cannot be run */
export const queryWarehouse = (sql: string) =>
  staffCall<QueryResult>('POST', '/api/reports/queries', { body: { sql }, deadlineMs: reportDeadlineMs })
