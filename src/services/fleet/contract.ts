import { defineRoute, internal } from '#kernel/contract'
import { KeptState, Want } from '#kernel/database-turn'
import { Type } from '#kernel/type'

/** The fleet's controller is told what to do by a BookstoreFleet on the hub, and tells of itself there. */
export const listens = 'hub'

/** What `octavo keep-databases` answers in each cluster that has servers of the fleet's databases. */
export const getKept = defineRoute({
  method: 'GET',
  path: '/internal/databases',
  tag: 'Internal',
  access: internal,
  reply: Type.Object({
    cluster: Type.String(),
    databases: Type.Record(Type.String(), KeptState),
  }),
  summary: 'How the database servers of this cluster stand',
})

export const putWant = defineRoute({
  method: 'PUT',
  path: '/internal/databases/{name}',
  tag: 'Internal',
  access: internal,
  params: Type.Object({ name: Type.String({ maxLength: 20 }) }),
  body: Want,
  reply: Type.Object({
    /** Otherwise it goes by a later turn, or has begun this one as something else. */
    isFollowed: Type.Boolean(),
  }),
  also: { 404: 'There is no such database here.' },
  summary: 'What a database server of this cluster should be, and in which turn',
})
