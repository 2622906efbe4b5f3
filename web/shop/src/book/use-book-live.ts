import { useQueryClient } from '@tanstack/vue-query'
import { computed } from 'vue'
import type { Availability, Book } from '#services/gateway'
import { availabilityEventsUrl, bookKey, getAvailability } from '../api/books.ts'
import { useLive } from '../live/use-live.ts'

/**
 * Keeps the stock of a shown book true, by its stream of events and by asking while there is none.
 * @param asked the ISBN as the page was asked for it, the key of the cached book
 */
export function useBookLive(asked: () => string, book: () => Book | undefined) {
  const client = useQueryClient()
  const isbn = computed(() => book()?.isbn)

  function take(now: Availability): void {
    client.setQueryData<Book>(bookKey(asked()), (before) =>
      before?.isbn === now.isbn
        ? { ...before, availability: { available: now.available, status: now.status } }
        : before,
    )
  }

  return useLive<Availability>({
    url: () => isbn.value && availabilityEventsUrl(isbn.value),
    event: 'availability',
    onMessage: take,
    poll: async () => isbn.value && take(await getAvailability(isbn.value)),
    pauseWhenHidden: true,
  })
}
