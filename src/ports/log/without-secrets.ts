const hidden = '[hidden]'
/** Shorter ones would be found in ordinary words. */
const charactersMin = 8
const valuesMax = 100
const values = new Set<string>()

/** No line of the log shows this value from now on, whoever writes it there. */
export function neverLog(value: string): void {
  // Of an address only the password is secret: the rest is what a log is read for.
  const parts = value.includes('://') ? passwordsIn(value) : [value]
  for (const part of parts) if (part.length >= charactersMin && values.size < valuesMax) values.add(part)
}

/**
 * The last of several nets: who writes to the log leaves out what is secret or personal. A message that a database or a
 * library made up may hold it all the same: credentials, e-mail addresses, tokens, card numbers.
 */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return textWithoutSecrets(value)
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      secretNames.test(name) && inner !== undefined ? hidden : withoutSecrets(inner),
    ]),
  )
}

const secretNames = /^(.*token|.*password|.*secret|card|authorization|cookie|e-?mail)$/i

function textWithoutSecrets(given: string): string {
  let text = given
  for (const value of values) text = text.replaceAll(value, hidden)
  return text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"]+@/gi, `$1${hidden}@`)
    .replace(/\b(bearer|basic) +[\w.~+/=-]{6,}/gi, `$1 ${hidden}`)
    .replace(/\b(token|password|secret|signature)(["']?[=:] ?["']?)[^\s"'&,}]{4,}/gi, `$1$2${hidden}`)
    .replace(/[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9][a-z0-9.-]{0,250}/gi, hidden)
    .replace(/(?<![\w.-])[2-6](?:[ -]?\d){13,18}(?![\w.-])/g, (digits) =>
      isCardNumber(digits) ? hidden : digits,
    )
}

function passwordsIn(url: string): string[] {
  if (!URL.canParse(url)) return []
  const { password } = new URL(url)
  return [password, decodeURIComponent(password)]
}

/** By its check digit. Source: ISO/IEC 7812-1, annex B (Luhn). */
function isCardNumber(text: string): boolean {
  const digits = text.replace(/\D/g, '')
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = digit * 2
    sum += i % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
