import { roles } from '../import/onix-contributors.ts'
import { forms } from '../import/onix-form.ts'
import { readLanguage } from '../import/read-language.ts'

/** The first code of each word that imports read. */
const reversed = (words: Readonly<Record<string, string>>) => {
  const codes = new Map<string, string>()
  for (const [code, word] of Object.entries(words)) if (!codes.has(word)) codes.set(word, code)
  return codes
}
const roleCodes = reversed(roles)
const formCodes = reversed({ ...forms, EA: 'ebook', AA: 'audiobook', DA: 'disc', BA: 'book' })

/** Z99 is a role of no code, which is then written in words. Source: ONIX code list 17. */
export const roleCode = (role: string) => roleCodes.get(role) ?? 'Z99'
/** Source: ONIX code list 150; what has no code is a book whose form is described. */
export const formCode = (format: string) => formCodes.get(format)

/**
 * A language of BCP 47 by the codes of ONIX: three letters, and where it has them a country and a script; nothing for one
 * that these cannot tell. Source: ONIX code lists 74, 91 and 121.
 */
export function languageCodes(
  tag: string,
): { language: string; country?: string; script?: string } | undefined {
  const { language, script, region } = new Intl.Locale(tag)
  const isWhole = [language, script, region].filter((part) => part !== undefined).join('-') === tag
  const letters = language.length === 3 ? language : (alpha3.get(language) ?? threeLetters().get(language))
  if (!isWhole || letters === undefined || (region !== undefined && !/^[A-Z]{2}$/.test(region)))
    return undefined
  const read = readLanguage(letters)
  if (read.kind === 'error' || read.value !== language) return undefined
  return {
    language: letters,
    ...(region !== undefined && { country: region }),
    ...(script !== undefined && { script }),
  }
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz'
let found: Map<string, string> | undefined
/** Made when first asked for: the languages that are rare enough not to stand below. Source: ISO 639-2/T. */
function threeLetters(): ReadonlyMap<string, string> {
  if (found !== undefined) return found
  found = new Map()
  for (const a of alphabet)
    for (const b of alphabet)
      for (const c of alphabet) {
        const [short = ''] = Intl.getCanonicalLocales(a + b + c)
        if (short.length === 2 && !found.has(short)) found.set(short, a + b + c)
      }
  return found
}

const alpha3 = new Map(
  `af afr ar ara bg bul bn ben bs bos ca cat cs cze cy wel da dan de ger el gre en eng eo epo es spa et est eu baq fa per
   fi fin fr fre ga gle gd gla gl glg he heb hi hin hr hrv hu hun hy arm id ind is ice it ita ja jpn ka geo ko kor la lat
   lb ltz lt lit lv lav mk mac ms may mt mlt nb nob nl dut nn nno no nor pl pol pt por ro rum ru rus sk slo sl slv sq alb
   sr srp sv swe sw swa ta tam te tel th tha tr tur uk ukr ur urd vi vie yi yid zh chi`
    .trim()
    .split(/\s+(?=[a-z]{2}\s)/)
    .map((pair) => pair.split(/\s+/) as [string, string]),
)
