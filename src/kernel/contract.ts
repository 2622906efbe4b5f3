import type { Static, TSchema } from './type.ts'

/**
 * Who may call a route. `public` needs nothing, `order` an order's token (or staff), `staff` a staff session with one
 * of the named roles, `internal` another Octavo process, `monitoring` whoever may read the numbers.
 */
export type Access =
  | { kind: 'public' }
  | { kind: 'order' }
  | { kind: 'staff'; roles: readonly Role[] }
  | { kind: 'internal' }
  | { kind: 'monitoring' }

export const roles = ['bookseller', 'manager', 'operator'] as const
export type Role = (typeof roles)[number]

/** The staff that may see and change readers' orders; who runs the machines may not. */
export const orderStaff: readonly Role[] = ['bookseller', 'manager']

export const anyone: Access = { kind: 'public' }
export const orderHolder: Access = { kind: 'order' }
export const internal: Access = { kind: 'internal' }
export const monitoring: Access = { kind: 'monitoring' }

export const staff = (...allowed: Role[]): Access => ({ kind: 'staff', roles: allowed })

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One route of a service: what its server checks, its client sends and its API page shows. */
export type Route<
  Params extends TSchema = TSchema,
  Query extends TSchema = TSchema,
  Body extends TSchema = TSchema,
  Reply extends TSchema = TSchema,
> = {
  readonly method: Method
  /** Path in `{name}` form, as OpenAPI writes it. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  readonly access: Access
  readonly params?: Params
  readonly query?: Query
  readonly headers?: TSchema
  readonly body?: Body
  /** Bytes of a JSON body, where a public route takes more than others do. */
  readonly bodyBytesMax?: number
  /** Media types taken besides `application/json`; their bodies reach the handler as streams. */
  readonly streams?: readonly string[]
  /** The body is bytes, sent as `application/octet-stream`, and nothing else. */
  readonly bytes?: true
  /** The body of the success answer. */
  readonly reply?: Reply
  /** The status of the success answer; 200 unless said otherwise. */
  readonly status?: number
  /** Other answers, by status, with a sentence each. */
  readonly also?: Readonly<Record<number, string>>
}

/** Keeps the literal types of a route's schemas. */
export function defineRoute<
  Params extends TSchema,
  Query extends TSchema,
  Body extends TSchema,
  Reply extends TSchema,
>(route: Route<Params, Query, Body, Reply>): Route<Params, Query, Body, Reply> {
  return route
}

export type ParamsOf<R> = R extends Route<infer P, TSchema, TSchema, TSchema> ? Static<P> : never
export type QueryOf<R> = R extends Route<TSchema, infer Q, TSchema, TSchema> ? Static<Q> : never
export type BodyOf<R> = R extends Route<TSchema, TSchema, infer B, TSchema> ? Static<B> : never
export type ReplyOf<R> = R extends Route<TSchema, TSchema, TSchema, infer A> ? Static<A> : never
