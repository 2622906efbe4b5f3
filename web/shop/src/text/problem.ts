import { ApiProblem } from '../api/problem.ts'
import { dateTimeText } from './dates.ts'

export type ProblemText = { title: string; detail: string }

/** What a reader is told of a failure: what happened and what to do. Never a code, never a stack. */
export function problemText(error: unknown): ProblemText {
  if (!(error instanceof ApiProblem))
    return { title: 'Something went wrong', detail: 'Please reload the page.' }
  switch (error.kind) {
    case 'network':
      return {
        title: 'No connection',
        detail: 'The shop cannot be reached. Check your connection and try again.',
      }
    case 'timeout':
      return { title: 'No answer yet', detail: 'The shop took too long to answer. Please try again.' }
    case 'out-of-stock':
      return { title: 'Not enough copies left', detail: 'Somebody was faster. Nothing was reserved.' }
    case 'customer-limit':
      return { title: 'Over the limit for one reader', detail: error.message }
    case 'sales-not-open':
      return { title: 'Sales have not opened yet', detail: opensText(error) }
    case 'in-flight':
      return { title: 'Still being reserved', detail: 'Your order is on its way; give it a moment.' }
  }
  if (error.status === 429)
    return { title: 'Many readers at once', detail: 'Your place is kept. We try again in a moment.' }
  if (error.status >= 500)
    return { title: 'A part of the shop is away', detail: 'This usually lasts seconds. Nothing was lost.' }
  return { title: 'That did not work', detail: error.message }
}

function opensText(problem: ApiProblem): string {
  const at = problem.fields.salesOpenAt
  return typeof at === 'string' ? `They open on ${dateTimeText(at)}.` : problem.message
}
