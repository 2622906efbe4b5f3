import { timingSafeEqual } from 'node:crypto'
import { orderStaff } from '#kernel/contract'
import { hashAsUuid } from '#kernel/hash'
import { forbidden, notFound, type Problem } from '#kernel/problem'
import type { Statements } from '#ports/database'
import { type StaffMember, sessionTokenOf } from '#ports/http'
import type { Context } from './context.ts'
import { type OrderRow, orderColumns, readOrders } from './order-row.ts'
import { memberOf } from './staff/sessions.ts'

export type Caller = { bearer?: string; headers: Readonly<Record<string, string | undefined>> }

export const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The order, if the caller holds its token or is staff. A wrong token and a wrong id look the same from outside.
 * @throws Problem 404
 */
export async function orderFor(
  statements: Statements,
  id: string,
  caller: Caller,
  options: { lock?: boolean } = {},
): Promise<OrderRow> {
  if (!uuidPattern.test(id)) throw notFound('such order')
  const [locked] = options.lock ? await lockedRow(statements, id) : []
  // One that was put away cannot be locked, and need not be: who changes it brings it back.
  const row = locked ?? (await readOrders(statements, [id]))[0]
  if (row === undefined || !(await mayEnter(statements, row, caller))) throw await noOrder(statements, caller)
  return row
}

const lockedRow = (statements: Statements, id: string) =>
  statements.query<OrderRow>(`SELECT ${orderColumns} FROM orders.orders WHERE id = $1 FOR UPDATE`, [id])

/** Like `orderFor`, for reading alone: orders that are asked for together are read together. */
export async function orderSeenBy(
  { database, gathered }: Pick<Context, 'database' | 'gathered'>,
  id: string,
  caller: Caller,
): Promise<OrderRow> {
  if (!uuidPattern.test(id)) throw notFound('such order')
  const row = await gathered.order(id.toLowerCase())
  if (row === undefined || !(await mayEnter(database, row, caller))) throw await noOrder(database, caller)
  return row
}

/** What no role allows is refused as such, whether or not there is such an order. */
async function noOrder(statements: Statements, caller: Caller): Promise<Problem> {
  mayStaff(await staffOf(statements, caller))
  return notFound('such order')
}

async function mayEnter(statements: Statements, row: OrderRow, caller: Caller): Promise<boolean> {
  if (caller.bearer !== undefined && isToken(caller.bearer, row.tokenHash)) return true
  return mayStaff(await staffOf(statements, caller))
}

/** Whether somebody may see customers' orders. @throws Problem 403 for staff whose roles do not allow it */
function mayStaff(member: StaffMember | undefined): boolean {
  if (member === undefined) return false
  if (!member.roles.some((role) => orderStaff.includes(role))) throw forbidden(orderStaff)
  return true
}

/** The staff member whose session the caller has, by token or cookie. */
export async function staffOf(
  statements: Statements,
  { bearer, headers }: Caller,
): Promise<StaffMember | undefined> {
  const session = bearer ?? sessionTokenOf(headers.cookie)
  return session === undefined ? undefined : await memberOf(statements, session)
}

const isToken = (token: string, tokenHash: string) =>
  timingSafeEqual(Buffer.from(hashAsUuid(token)), Buffer.from(tokenHash))
