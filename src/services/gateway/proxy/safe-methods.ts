const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Whether a request by this method changes nothing, however often it is made. Source: RFC 9110, section 9.2.1. */
export const isSafe = (method = ''): boolean => safe.has(method)
