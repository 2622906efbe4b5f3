/** The `Link` header of a page that another one follows. Source: RFC 8288 section 3. */
export function linkToNext(path: string, next: string | null): Record<string, string> {
  if (next === null) return {}
  const url = new URL(path, 'http://shop')
  url.searchParams.set('cursor', next)
  return { link: `<${url.pathname}${url.search}>; rel="next"` }
}
