import { cleanParagraphs } from './clean-text.ts'
import type { OnixContext } from './onix-context.ts'
import type { OnixElement } from './onix-element.ts'
import { readLanguage } from './read-language.ts'

/** Descriptions, best first: the full one, the short one, the words on the cover. Source: ONIX code lists 153 and 33. */
const ranks = {
  new: [['03'], ['02'], ['05', '27'], ['01']],
  old: [['03', '01'], ['02'], ['18', '17']],
} as const
/** Texts for everybody before those for end customers; all others are for the trade. Source: ONIX code list 154. */
const audiences = ['00', '', '03']

/** The description that readers may see, in the language of the book where there are several. */
export function descriptionOf(
  product: OnixElement,
  language: string | undefined,
  { isOldRelease, findings }: OnixContext,
): string {
  const ranked: readonly (readonly string[])[] = isOldRelease ? ranks.old : ranks.new
  const elements = [...product.inBlocks('TextContent'), ...product.inBlocks('OtherText')]
  const texts = elements.flatMap((element) => {
    const shown = element.values('ContentAudience')
    const audience = shown.length === 0 ? '' : (audiences.find((each) => shown.includes(each)) ?? 'trade')
    const type = element.value('TextType', 'TextTypeCode')
    element.value('TextFormat')
    if (!ranked.some((types) => types.includes(type)) || audience === 'trade') {
      findings.noteNotRead(
        `${element.name} (type ${type}${audience === 'trade' ? `, audience ${shown[0]}` : ''})`,
      )
      element.markRead()
      return []
    }
    return element.all('Text').map((text) => ({ text, type, audience }))
  })
  for (const types of ranked)
    for (const audience of audiences) {
      const found = texts.filter((each) => types.includes(each.type) && each.audience === audience)
      const chosen = found.find(({ text }) => isIn(text, language)) ?? found[0]
      const words = chosen === undefined ? '' : contentOf(chosen.text)
      if (words !== '') return words
    }
  const old = [...product.all('MainDescription'), ...product.all('Annotation')]
  return old.map(contentOf).find((text) => text !== '') ?? ''
}

function isIn(text: OnixElement, language: string | undefined): boolean {
  const named = readLanguage(text.attributes.language ?? '')
  return named.kind === 'ok' && named.value === language
}

const contentOf = (text: OnixElement) => cleanParagraphs(text.html ?? text.text, text.html !== undefined)
