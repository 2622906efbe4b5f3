import { QueryClient } from '@tanstack/vue-query'
import { ApiProblem } from './problem.ts'

const attemptsMax = 3

/** Queries try again when a part of the shop was away for a moment, and never when the answer would be the same. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      gcTime: 10 * 60_000,
      retry: (failures, error) =>
        failures < attemptsMax - 1 && error instanceof ApiProblem && error.isPassing,
      retryDelay: (failures, error) =>
        Math.max(error instanceof ApiProblem ? (error.retryAfterMs ?? 0) : 0, 300 * 2 ** failures),
    },
    mutations: { retry: false },
  },
})
