import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, watch } from 'vue'
import type { Order } from '#services/gateway'
import { getOrder, orderEventsUrl } from '../api/orders.ts'
import { useLive } from '../live/use-live.ts'
import { useKnownOrders } from './known-orders.ts'
import { isMoving } from './order-story.ts'

/** Asked besides the stream, for the rare event that is lost on its way. */
const checkEveryMs = 20_000

const keyOf = (id: string) => ['order', id] as const

/** An order with its changes as they happen, by its stream of events and by asking while there is none. */
export function useOrder(id: () => string, token: () => string | undefined) {
  const client = useQueryClient()
  const { saw } = useKnownOrders()

  const query = useQuery({
    queryKey: computed(() => keyOf(id())),
    queryFn: () => getOrder(id(), token() ?? ''),
    enabled: () => token() !== undefined,
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? checkEveryMs : false),
  })
  watch(query.data, (order) => order && saw(order, new Date().toISOString()), { immediate: true })

  /** An event is newer than every answer that is still on its way. */
  const hear = (order: Order) => {
    void client.cancelQueries({ queryKey: keyOf(order.id) })
    client.setQueryData<Order>(keyOf(order.id), order)
  }
  /** Takes the answer to a change over, unless something was heard since it was sent: then nobody knows which is newer. */
  const take = (order: Order, sentMs: number) => {
    const heardMs = client.getQueryState(keyOf(order.id))?.dataUpdatedAt ?? 0
    if (heardMs <= sentMs) hear(order)
    else void client.refetchQueries({ queryKey: keyOf(order.id) })
  }
  const live = useLive<Order>({
    // Only once the order has answered: a stream that is refused would be opened again and again.
    url: () => (query.data.value && token() ? orderEventsUrl(id(), token() ?? '') : undefined),
    event: 'order',
    onMessage: hear,
    poll: () => query.refetch(),
    pollEveryMs: 3000,
  })
  return { ...query, live, take }
}
