import type { DecisionLog } from '#kernel/transaction'
import type { GroupCommit, GroupOutcome, LookedUp, LookUp } from '#services/orders'

/** What a group needs of orders: the last agent and the log of decisions. */
export type OrdersAgent = Pick<DecisionLog, 'resolve'> & {
  /** @throws Unavailable when it cannot say whether the group was committed */
  commitGroup(id: string, group: GroupCommit): Promise<GroupOutcome>
  lookUp(request: LookUp): Promise<LookedUp>
}
