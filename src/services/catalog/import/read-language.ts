import { type Read, read, startOf, unreadable } from './read-values.ts'

/** Codes that stand for no language, for several, or for what is not known. Source: ISO 639-2. */
const noLanguage = new Set(['und', 'mul', 'zxx', 'mis'])

/**
 * A language by its code (ISO 639-1, 639-2 in both sets, BCP 47, with hyphens or underscores) or by its name in the
 * languages of the shop or its own, as canonical BCP 47. Of several the first counts. Source: RFC 5646, UTS 35.
 */
export function readLanguage(given: string): Read<string> {
  const before = lastRead.get(given)
  if (before !== undefined) return before
  const found = languageIn(given)
  // A file names few languages, each very often.
  if (lastRead.size < lastReadMax && given.length < 40) lastRead.set(given, found)
  return found
}

const lastReadMax = 1_000
const lastRead = new Map<string, Read<string>>()

function languageIn(given: string): Read<string> {
  const [first = ''] = given.slice(0, 200).split(/[;,|/]/, 1)
  const text = first.trim()
  const named = names().get(plain(text))
  if (named !== undefined) return read(named)
  try {
    const [canonical = ''] = Intl.getCanonicalLocales(text.replaceAll('_', '-'))
    const [primary = ''] = canonical.split('-', 1)
    if (/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(canonical) && !noLanguage.has(primary)) return read(canonical)
  } catch {
    // Said below, in the words of the file.
  }
  return unreadable(`"${startOf(given)}" is not a language code such as en, eng or en-GB`)
}

const plain = (text: string) =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\(.*\)$/, '')
    .trim()

const speakers = ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'pl', 'sv', 'da', 'nb']
const codes =
  'af ar bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gd gl he hi hr hu hy id is it ja ka ko la lb lt lv mk ms mt nb nl nn no pl pt ro ru sk sl sq sr sv sw ta te th tr uk ur vi yi zh'.split(
    ' ',
  )

/** Where a language is written otherwise than elsewhere. */
const places =
  'de-AT de-CH en-AU en-CA en-GB en-IE en-US es-419 es-ES es-MX fr-BE fr-CA fr-CH nl-BE pt-BR pt-PT zh-Hans zh-Hant'.split(
    ' ',
  )

let known: Map<string, string> | undefined
/** Made when first asked for: a thousand names that most files never need. */
function names(): ReadonlyMap<string, string> {
  if (known !== undefined) return known
  known = new Map([
    ['castellano', 'es'],
    ['ancient greek', 'grc'],
    ['mandarin', 'zh'],
    ['flemish', 'nl'],
    ['farsi', 'fa'],
    ['gaelic', 'gd'],
  ])
  for (const code of [...codes, ...places])
    for (const speaker of [...speakers, code.slice(0, 2)]) {
      const name = plain(new Intl.DisplayNames([speaker], { type: 'language' }).of(code) ?? '')
      if (name !== '' && !known.has(name)) known.set(name, code)
    }
  return known
}
