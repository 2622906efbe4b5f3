const titlesMax = 50
const isbnInAnswer = /"isbn":"(\d{13})"/g

/** The titles that an answer about an order names: a glance as well, for whoever keeps answers about them. */
export function titlesInAnswer(body: Buffer): string[] {
  const found = new Set<string>()
  for (const [, isbn = ''] of body.toString('latin1').matchAll(isbnInAnswer)) {
    found.add(isbn)
    if (found.size === titlesMax) break
  }
  return [...found]
}

const marker = Buffer.from('"isbn"')

/**
 * The first title that an order's body names, as the nine digits that an ISBN-10 and its ISBN-13 share. A glance, not a
 * parse: it only decides which coordinator gets the order, and any of them would do.
 */
export function titleOfOrder(body: Buffer): string | undefined {
  const at = body.indexOf(marker)
  if (at === -1) return undefined
  const text = body.toString('latin1', at + marker.length, at + marker.length + 48)
  const value = /^\s*:\s*"([\dXx\s-]{10,24})"/.exec(text)?.[1]
  const digits = value?.replace(/[\s-]/g, '')
  if (digits?.length === 13) return digits.slice(3, 12)
  return digits?.length === 10 ? digits.slice(0, 9) : undefined
}
