/** An element of a product under its reference name, whichever form the file uses. What a reader looked at is marked. */
export class OnixElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: OnixElement[] = []
  text = ''
  /** The content as HTML, where it holds elements of XHTML. */
  html: string | undefined
  isRead = false

  constructor(name: string, attributes: Readonly<Record<string, string>> = {}) {
    this.name = name
    this.attributes = attributes
  }

  /** Children of a name, marked as read. */
  all(name: string): OnixElement[] {
    const found = this.children.filter((child) => child.name === name)
    for (const child of found) child.isRead = true
    return found
  }

  /** Says that nothing in it needs to be told as not read. */
  markRead(): void {
    for (const child of this.children) {
      child.isRead = true
      child.markRead()
    }
  }

  one(name: string): OnixElement | undefined {
    return this.all(name)[0]
  }

  /** The text of the first child of one of the names that has any; empty where none has. */
  value(...names: string[]): string {
    for (const name of names)
      for (const child of this.all(name)) {
        const text = textOf(child)
        if (text !== '') return text
      }
    return ''
  }

  values(name: string): string[] {
    return this.all(name)
      .map(textOf)
      .filter((text) => text !== '')
  }

  /** Children of a name of the product itself: its own (2.1) or those of one of its blocks (3.x). */
  inBlocks(name: string): OnixElement[] {
    const blocks = this.children.filter(({ name: block }) => productBlocks.has(block))
    for (const block of blocks) block.isRead = true
    return [this, ...blocks].flatMap((block) => block.all(name))
  }

  /** The first text of a name in the product itself or one of its blocks. */
  valueInBlocks(...names: string[]): string {
    for (const name of names)
      for (const found of this.inBlocks(name)) {
        const text = textOf(found)
        if (text !== '') return text
      }
    return ''
  }

  /** Names of what nobody looked at, outermost first, each as often as it is there. */
  *unread(): Generator<string> {
    for (const child of this.children)
      if (child.isRead) yield* child.unread()
      else if (child.children.length > 0 || child.text.trim() !== '') yield child.name
  }
}

/** What stands in one value; what is longer is no value, and texts are read whole where they are. */
const valueCharactersMax = 10_000
const textOf = (element: OnixElement) => element.text.slice(0, valueCharactersMax).trim()

const productBlocks = new Set([
  'DescriptiveDetail',
  'CollateralDetail',
  'ContentDetail',
  'PublishingDetail',
  'RelatedMaterial',
  'PromotionDetail',
])
