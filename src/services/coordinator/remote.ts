import { Problem } from '#kernel/problem'
import {
  abortRoute,
  commitRoute,
  type DecisionLog,
  type InDoubt,
  inDoubtRoute,
  type Participant,
  prepareRoute,
  type Vote,
} from '#kernel/transaction'
import { Unavailable } from '#kernel/unavailable'
import type { ServiceClient } from '#ports/http'
import {
  commitGroupRoute,
  encodeGroup,
  lookUpOrders,
  recordDecision,
  resolveDecision,
} from '#services/orders'
import type { OrdersAgent } from './orders-agent.ts'

/** Longer than a participant's own bound on preparing, so that its answer comes first. */
const prepareDeadlineMs = 3_500
const decideDeadlineMs = 2_500
const finishDeadlineMs = 2_500

/** A participant reached over HTTP by its service's name. Any instance can finish what another prepared. */
export function remoteParticipant<Request, OwnVote extends Vote<unknown>>(
  client: ServiceClient,
  name: string,
): Participant<Request, OwnVote> {
  return {
    name,
    async prepare(id, requests) {
      const body = { requests: [...requests] }
      const options = { params: { id }, body, deadlineMs: prepareDeadlineMs, sticks: true }
      return (await known(client.call(name, prepareRoute, options))) as OwnVote
    },
    async commit(id) {
      await known(
        client.call(name, commitRoute, { params: { id }, deadlineMs: finishDeadlineMs, sticks: true }),
      )
    },
    async abort(id) {
      await known(
        client.call(name, abortRoute, { params: { id }, deadlineMs: finishDeadlineMs, sticks: true }),
      )
    },
    async inDoubt(): Promise<InDoubt[]> {
      return (await known(client.call(name, inDoubtRoute, { deadlineMs: finishDeadlineMs }))).inDoubt
    },
  }
}

/** Orders as last agent and log of decisions, over HTTP. */
export function remoteOrders(client: ServiceClient): OrdersAgent & DecisionLog {
  const orders = { deadlineMs: decideDeadlineMs, sticks: true }
  return {
    commitGroup: (id, group) => {
      const body = encodeGroup(group)
      return known(client.call('orders', commitGroupRoute, { ...orders, params: { id }, body }))
    },
    lookUp: (body) => known(client.call('orders', lookUpOrders, { ...orders, body })),
    async record(id, participants) {
      const options = { ...orders, params: { id }, body: { participants: [...participants] } }
      return (await known(client.call('orders', recordDecision, options))).outcome
    },
    async resolve(id) {
      return (await known(client.call('orders', resolveDecision, { ...orders, params: { id } }))).decision
    },
  }
}

/** Away, overloaded or late is one thing to the protocol: nobody can say what was done. */
async function known<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (error instanceof Problem && (error.status === 503 || error.status === 429))
      throw new Unavailable(error.message, { cause: error })
    throw error
  }
}
