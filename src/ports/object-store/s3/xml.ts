import { SaxesParser } from 'saxes'

/** The texts of all elements of this name; none of what is no XML. */
export function textOf(xml: string, name: string): string[] {
  const found: string[] = []
  const parser = new SaxesParser()
  let text: string | undefined
  let isWrong = false
  // No XML names no such element.
  parser.on('error', () => {
    isWrong = true
  })
  parser.on('opentag', (tag) => {
    text = tag.name === name ? '' : undefined
  })
  parser.on('text', (piece) => {
    if (text !== undefined) text += piece
  })
  parser.on('closetag', (tag) => {
    if (tag.name === name && text !== undefined) found.push(text)
    text = undefined
  })
  parser.write(xml).close()
  return isWrong ? [] : found
}
