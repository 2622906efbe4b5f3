import { cleanLine } from '../import/clean-text.ts'

/**
 * A text so written that the reader of catalogues reads it as it is: where it would take a part of it for a tag or a
 * character's name, escaped once or twice.
 */
export function spelled(text: string, read: (text: string) => string = cleanLine): string {
  const once = escaped(text)
  return [text, once, escaped(once)].find((each) => read(each) === text) ?? text
}

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** For XML; what XML cannot hold is left out. Source: XML 1.0, section 2.2. */
export const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (mark) => marks[mark] ?? mark).replace(unfit, '')
const unfit = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu
