import { ApiProblem } from '../../api/problem.ts'
import { type ProblemText, problemText } from '../../text/problem.ts'

/** What a bookseller is told of a failure. They may read the API's own words: those name the thing. */
export function staffProblemText(error: unknown): ProblemText {
  if (!(error instanceof ApiProblem)) return problemText(error)
  switch (error.status) {
    case 401:
      return { title: 'Your session has ended', detail: 'Log in again to go on.' }
    case 403:
      return { title: 'Not with your role', detail: error.message }
    case 404:
      return { title: 'Not found', detail: error.message }
    case 429:
      return { title: 'Too much at once', detail: 'Wait a moment and try again.' }
    default:
      return problemText(error)
  }
}
