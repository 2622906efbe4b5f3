import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, watch } from 'vue'
import type { Order } from '#services/gateway'
import { getOrder, orderEventsUrl } from '../api/orders.ts'
import { useLive } from '../live/use-live.ts'
import { useKnownOrders } from './known-orders.ts'
import { isMoving } from './order-story.ts'

/** Asked besides the stream, for the rare event that is lost on its way. */
const checkEveryMs = 20_000

/** An order with its changes as they happen, by its stream of events and by asking while there is none. */
export function useOrder(id: () => string, token: () => string | undefined) {
  const client = useQueryClient()
  const { saw } = useKnownOrders()
  const key = computed(() => ['order', id()] as const)

  const query = useQuery({
    queryKey: key,
    queryFn: () => getOrder(id(), token() ?? ''),
    enabled: () => token() !== undefined,
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? checkEveryMs : false),
  })
  watch(query.data, (order) => order && saw(order, new Date().toISOString()), { immediate: true })

  const take = (order: Order) => client.setQueryData<Order>(key.value, order)
  const live = useLive<Order>({
    // Only once the order has answered: a stream that is refused would be opened again and again.
    url: () => (query.data.value && token() ? orderEventsUrl(id(), token() ?? '') : undefined),
    event: 'order',
    onMessage: take,
    poll: () => query.refetch(),
    pollEveryMs: 3000,
  })
  return { ...query, live, take }
}
