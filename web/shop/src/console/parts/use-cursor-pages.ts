import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, type Ref, ref, watch } from 'vue'

type CursorPage<T> = { items: T[]; total: number; totalIsLowerBound: boolean; next: string | null }

/**
 * A list that is turned page by page, forth by the API's cursor and back by those already seen. A changed filter starts
 * at the first page.
 * @param name of the list, for the cache
 */
export function useCursorPages<Filter, T>(
  name: string,
  filter: Ref<Filter>,
  fetchPage: (filter: Filter, cursor: string | undefined, signal: AbortSignal) => Promise<CursorPage<T>>,
) {
  const cursors = ref<string[]>([])
  const cursor = computed(() => cursors.value.at(-1))
  watch(filter, () => {
    cursors.value = []
  })
  const query = useQuery({
    queryKey: computed(() => ['console', name, filter.value, cursor.value] as const),
    queryFn: ({ signal }) => fetchPage(filter.value, cursor.value, signal),
    placeholderData: keepPreviousData,
    staleTime: 0,
  })
  const next = computed(() => query.data.value?.next ?? undefined)
  return {
    query,
    items: computed(() => query.data.value?.items ?? []),
    total: computed(() => query.data.value?.total ?? 0),
    totalIsLowerBound: computed(() => query.data.value?.totalIsLowerBound ?? false),
    pageNumber: computed(() => cursors.value.length + 1),
    hasPrevious: computed(() => cursors.value.length > 0),
    hasNext: computed(() => next.value !== undefined),
    turnForth: () => next.value && cursors.value.push(next.value),
    turnBack: () => cursors.value.pop(),
  }
}
