import { defineRoute, internal } from './contract.ts'
import { Type } from './type.ts'

/** How a database stands: its servers, the last change of its primary, and its archive. */
export type DatabaseState = {
  name: string
  /** Counts the primaries there have been; null when none answers. */
  timeline: number | null
  lastFailoverAt: string | null
  servers: ServerState[]
  /** Null where none is kept by the store itself. */
  archive: { reachesTo: string | null; baseAt: string | null; problem: string | null } | null
}

export type ServerState = {
  server: string
  state: 'primary' | 'replica' | 'away'
  /** How old what it shows is, and how much of the log it has not applied; null where that is not known. */
  lagSeconds: number | null
  lagBytes: number | null
}

/** Asked of the role that owns the database. */
export const databaseStateRoute = defineRoute({
  method: 'GET',
  path: '/internal/database',
  tag: 'Internal',
  access: internal,
  reply: Type.Unsafe<DatabaseState>({}),
  summary: 'How the servers of its database stand',
})
