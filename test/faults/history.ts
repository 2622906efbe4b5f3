import { hashAsUuid } from '#kernel/hash'
import { type Database, openDatabase } from '#ports/database'
import { type AuditSecrets, audit } from '../../src/commands/audit.ts'
import { openStore } from '../../src/services/catalog/store/open-store.ts'
import { notFound, type Wanted } from './clients.ts'

/** What the outside was told, held against what the databases have. */
export type Verdict = {
  acknowledged: number
  refused: number
  /** Orders whose client never got a final answer. */
  unanswered: number
  /** Told of and not there, or not under its key. */
  lost: string[]
  /** Answers that no correct store gives. */
  wrong: string[]
  /** What the store's own audit finds. */
  findings: string[]
}

/** Call it when nothing is on its way any more. */
export async function checkHistory(history: readonly Wanted[], secrets: AuditSecrets): Promise<Verdict> {
  const options = { applicationName: 'history', connectionsMax: 2, statementTimeoutMs: 60_000 }
  await using orders = await openDatabase(secrets.orderDb, options)
  const stored = await ordersByKey(orders)
  const told = history.filter((wanted) => wanted.told.length > 0)
  const refused = history.filter(
    (wanted) => wanted.told.length === 0 && wanted.attempts.at(-1)?.status === 409,
  )
  return {
    acknowledged: told.length,
    refused: refused.length,
    unanswered: history.length - told.length - refused.length,
    lost: told.flatMap((wanted) => lossOf(wanted, stored.get(hashAsUuid(wanted.key)) ?? [])),
    wrong: history.flatMap(wrongAnswers),
    findings: (await audit(secrets)).flatMap(({ invariant, findings }) =>
      findings.map(({ detail }) => `${invariant}: ${detail}`),
    ),
  }
}

function lossOf({ key, told }: Wanted, ids: readonly string[]): string[] {
  if (ids.length !== 1) return [`${key}: told of ${told[0]}, but ${ids.length} orders are there`]
  return told.every((id) => id === ids[0])
    ? []
    : [`${key}: told of ${told.join(', ')}, but ${ids[0]} is there`]
}

const refusals = [404, 408, 409, 429, 502, 503, 504]

/** A fault may cost an answer (503, 429, a cut connection), never bring a wrong one: who was told of an order finds it. */
function wrongAnswers({ key, attempts }: Wanted): string[] {
  return attempts
    .filter(({ status, kind }) => status >= 400 && (kind === notFound || !refusals.includes(status)))
    .map(({ status, kind }) => `${key}: ${status} ${kind}`)
}

async function ordersByKey(orders: Database): Promise<Map<string, string[]>> {
  const rows = await orders.query<{ id: string; key: string }>(
    'SELECT id, idempotency_key AS key FROM orders.orders',
    [],
  )
  const byKey = new Map<string, string[]>()
  for (const { id, key } of rows) byKey.set(key, [...(byKey.get(key) ?? []), id])
  return byKey
}

/** Prepared transactions in BookDb that are older than `limitMs`. */
export async function inDoubt(secrets: AuditSecrets, limitMs: number): Promise<number> {
  await using books = await openStore(secrets.bookDb, { applicationName: 'history' })
  return (await books.stock.inDoubt()).filter(({ ageMs }) => ageMs > limitMs).length
}
