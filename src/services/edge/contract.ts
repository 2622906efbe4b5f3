import { defineRoute, internal, staff } from '#kernel/contract'
import { EdgeState } from './edge-state.ts'
import { FleetView } from './fleet-view.ts'

export { EdgeCluster, EdgeState } from './edge-state.ts'
export { FleetView } from './fleet-view.ts'

/** What an edge sees, for the fleet's controller. */
export const getEdgeState = defineRoute({
  method: 'GET',
  path: '/internal/edge',
  tag: 'Internal',
  access: internal,
  reply: EdgeState,
  summary: 'The clusters behind this edge, as it sees them',
})

/** Answered by the edge itself, for operators whom one of its clusters knows. A store without a fleet has no such page. */
export const getFleet = defineRoute({
  method: 'GET',
  path: '/api/fleet',
  tag: 'System',
  access: staff('operator'),
  reply: FleetView,
  summary: 'The clusters of the fleet, what they run, and what becomes of them',
})
