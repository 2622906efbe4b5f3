import { defineRoute, internal } from './contract.ts'
import { closed, Uuid } from './schemas.ts'
import { Type } from './type.ts'

/**
 * Two-phase commit, in this project's words: a coordinator asks each participant to prepare; a participant that votes
 * `prepared` can still commit after any crash; the decision is one durable row that says `committed` or `aborted`.
 * Source: J. Gray, A. Reuter, "Transaction Processing", 1993, chapter 10; X/Open XA.
 */
export type Decision = 'committed' | 'aborted'

/** A service that takes part in transactions with its own database. Its requests and votes say what it needs. */
export type Participant<Request, OwnVote extends Vote<unknown>> = {
  readonly name: string
  /**
   * Does the work and promises to keep it, or votes `nothing` and keeps nothing.
   * @throws Unavailable when it cannot say whether it prepared
   */
  prepare(id: string, requests: readonly Request[]): Promise<OwnVote>
  /** Idempotent: a transaction that is not there was finished before. */
  commit(id: string): Promise<void>
  abort(id: string): Promise<void>
  /** Prepared and not finished, oldest first. */
  inDoubt(): Promise<InDoubt[]>
}

/** `answers` are in the order of the requests; with `nothing` every request was refused. */
export type Vote<Answer> = { kind: 'prepared' | 'nothing'; answers: readonly Answer[] }

/** `ageMs` since it began, by its id, which carries that time. */
export type InDoubt = { id: string; ageMs: number }

/** The log of decisions: a transaction without a row is not committed, and `resolve` makes that final. */
export type DecisionLog = {
  /** @returns `fenced` when a decision for this transaction exists, because recovery was faster */
  record(id: string, participants: readonly string[]): Promise<'recorded' | 'fenced'>
  /** What was decided; where nothing was, decides `aborted`, so that a late coordinator fails on the unique id. */
  resolve(id: string): Promise<Decision>
}

/** Names of prepared transactions in a database: ours can be told from anybody else's. */
const prefix = 'octavo:'
export const preparedName = (id: string) => prefix + id
export const idOfPrepared = (name: string) =>
  name.startsWith(prefix) ? name.slice(prefix.length) : undefined

/** A prepared transaction without a finish for this long is in doubt: its coordinator is late, paused or dead. */
export const doubtAfterMs = 1_000

/**
 * A transaction begun longer ago than this is neither prepared nor committed any more: that it was finished before may
 * have been forgotten. What remembers it is kept for twice as long.
 */
export const transactionLifeMs = 30 * 60_000

const byId = Type.Object({ id: Uuid }, closed)
const route = { tag: 'Internal', access: internal } as const

/** The participant's side over HTTP; bodies come from Octavo's own processes and are not checked field by field. */
export const prepareRoute = defineRoute({
  ...route,
  method: 'POST',
  path: '/internal/transactions/{id}/prepare',
  params: byId,
  body: Type.Unsafe<{ requests: unknown[] }>({ type: 'object' }),
  reply: Type.Unsafe<Vote<unknown>>({}),
  summary: 'Prepare',
})
export const commitRoute = defineRoute({
  ...route,
  method: 'POST',
  path: '/internal/transactions/{id}/commit',
  params: byId,
  status: 204,
  summary: 'Commit what was prepared',
})
export const abortRoute = defineRoute({
  ...route,
  method: 'POST',
  path: '/internal/transactions/{id}/abort',
  params: byId,
  status: 204,
  summary: 'Abort what was prepared',
})
export const inDoubtRoute = defineRoute({
  ...route,
  method: 'GET',
  path: '/internal/transactions',
  reply: Type.Unsafe<{ inDoubt: InDoubt[] }>({}),
  summary: 'What is prepared and not finished',
})
