import { defineRoute, internal } from './contract.ts'
import { closed } from './schemas.ts'
import { Type } from './type.ts'

/**
 * What the registry and those who register with it say to each other: an instance holds a lease and renews it; whoever
 * wants to know who is there asks, and waits for news.
 */

/** An instance is gone when it has not renewed its lease for this long. */
export const leaseMs = 6_000
export const renewEveryMs = 2_000

export const InstanceSchema = Type.Object(
  {
    service: Type.String({ pattern: '^[a-z-]{1,40}$' }),
    id: Type.String({ minLength: 1, maxLength: 64 }),
    url: Type.String({ pattern: '^https?://', maxLength: 200 }),
    version: Type.String({ maxLength: 40 }),
  },
  closed,
)

const byId = Type.Object(
  { service: Type.String({ maxLength: 40 }), id: Type.String({ maxLength: 64 }) },
  closed,
)

/** Registers an instance or renews its lease: one call, idempotent. */
export const renewLease = defineRoute({
  method: 'PUT',
  path: '/internal/instances/{service}/{id}',
  tag: 'Internal',
  access: internal,
  params: byId,
  body: InstanceSchema,
  reply: Type.Object({ leaseMs: Type.Integer() }),
  summary: 'Register or renew',
})
export const endLease = defineRoute({
  method: 'DELETE',
  path: '/internal/instances/{service}/{id}',
  tag: 'Internal',
  access: internal,
  params: byId,
  status: 204,
  summary: 'Leave at once',
})
/** All instances; with `after`, waits up to 20 s for a revision newer than that. */
export const listInstances = defineRoute({
  method: 'GET',
  path: '/internal/instances',
  tag: 'Internal',
  access: internal,
  query: Type.Object({ after: Type.Optional(Type.String({ maxLength: 80 })) }, closed),
  reply: Type.Object({
    /** Opaque: process start and a counter, so that a restarted registry is told apart. */
    revision: Type.String(),
    /** How long this registry has been up; below one lease its list may be incomplete. */
    upMs: Type.Integer(),
    instances: Type.Array(InstanceSchema),
  }),
  summary: 'Who is there',
})
