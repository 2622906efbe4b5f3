import { type Static, Type } from '#kernel/type'

const Count = Type.Integer({ minimum: 0 })

/** One cluster as an edge sees it; what is counted is counted since the edge started. */
export const EdgeCluster = Type.Object({
  name: Type.String(),
  isUp: Type.Boolean(),
  /** Why it is not. */
  reason: Type.Optional(Type.String()),
  /** That its gateways say they are, where all of them say the same. */
  version: Type.Optional(Type.String()),
  /** The turn that its gateways say they have heard of, where they go by one. */
  epoch: Type.Optional(Type.Integer()),
  /** Whether they say different things. */
  isMixed: Type.Boolean(),
  /** Whether it has been probed at all. */
  isProbed: Type.Boolean(),
  isCutOff: Type.Boolean(),
  isSlow: Type.Boolean(),
  weight: Type.Integer(),
  takesWrites: Type.Boolean(),
  /** Requests that are not answered in full. */
  inFlight: Count,
  streams: Count,
  requests: Count,
  failed: Count,
  rerouted: Count,
  /** Changes that it refused because it had not heard of the latest turn. */
  behind: Count,
  trips: Count,
  downs: Count,
  ordersTaken: Count,
  ordersFailed: Count,
  ordersSlow: Count,
})
export type EdgeCluster = Static<typeof EdgeCluster>

export const EdgeState = Type.Object({
  /** Of this start: counts begin anew with it. */
  instance: Type.String(),
  /** Of the picture that it follows, and would begin with again. */
  revision: Count,
  epoch: Count,
  clusters: Type.Array(EdgeCluster),
})
export type EdgeState = Static<typeof EdgeState>
