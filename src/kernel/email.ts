/**
 * E-mail addresses, internationalised ones too: the part before the at sign and the domain may be in any script.
 * Source: RFC 5321 (lengths), RFC 5322 (dot-atom), RFC 6531 (SMTPUTF8), UTS 46 (domains).
 */
const localBytesMax = 64
const addressBytesMax = 254

/** Whether mail could be sent to this address; whether somebody reads it is another matter. */
export function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  if (at < 1 || Buffer.byteLength(local) > localBytesMax || Buffer.byteLength(text) > addressBytesMax)
    return false
  const isDotAtom = /^[^\s.@"(),:;<>[\]\\\p{C}\p{DI}]+(?:\.[^\s.@"(),:;<>[\]\\\p{C}\p{DI}]+)*$/u.test(local)
  return isDotAtom && asciiDomain(text.slice(at + 1)) !== undefined
}

/** Most domains look like this already, and reading one as a part of an address costs more than checking all else. */
const plainDomain = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/

/** A domain as the DNS knows it, `bücher.example` as `xn--bcher-kva.example`; `undefined` for what is none. */
function asciiDomain(domain: string): string | undefined {
  if (plainDomain.test(domain) && domain.length <= 253 && !domain.includes('xn--')) return domain
  if (/[\s/?#@:\\%[\]\p{C}]/u.test(domain) || !URL.canParse(`http://${domain}`)) return undefined
  const host = new URL(`http://${domain}`).hostname
  const labels = host.split('.')
  const areFine =
    labels.length > 1 && labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
  return areFine && host.length <= 253 && /[a-z]/.test(labels.at(-1) ?? '') ? host : undefined
}

/** One spelling for one mailbox: small letters, composed, the domain as the DNS knows it. */
export function mailboxOf(email: string): string {
  const lower = email.toLowerCase()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for
  if (/^[\x00-\x7f]*$/.test(lower)) return lower
  const at = lower.lastIndexOf('@')
  const domain = lower.slice(at + 1)
  return `${lower.slice(0, at).normalize('NFC')}@${asciiDomain(domain) ?? domain}`
}
