/** For a year, and for whatever else this name is put before. Source: RFC 6797. */
export const httpsOnly = 'max-age=31536000; includeSubDomains'

/** JSON, text and events load nothing and are shown inside of nothing. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"
/** For images and pages that services draw: they may show themselves and load nothing. */
const drawingPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
/** A viewer of documents is a page of the browser's own, which needs more than the document may do. */
const documentPolicy = "frame-ancestors 'none'"

/** What a browser may do with an answer of this media type that is no page of ours. */
export function policyFor(type: string | undefined): string {
  if (type === undefined || /json|^text\/(plain|event-stream)/i.test(type)) return dataPolicy
  return /svg|html|xml/i.test(type) ? drawingPolicy : documentPolicy
}

/**
 * What every answer says: its name, that it is of the type it names, by https alone where that is spoken, and how often
 * its client may ask; as names and values in turn.
 */
export function ownHeaders({ requestId, isSecure, limitHeaders }: Answered, policy = dataPolicy): string[] {
  const headers = ['x-request-id', requestId, 'x-content-type-options', 'nosniff', ...limitHeaders]
  if (isSecure) headers.push('strict-transport-security', httpsOnly)
  headers.push('content-security-policy', policy)
  return headers
}

/** What they tell of whoever is answered. */
type Answered = { requestId: string; isSecure: boolean; limitHeaders: readonly string[] }
