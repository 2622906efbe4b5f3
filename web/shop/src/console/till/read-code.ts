import { parseCode, parseVoucherUrl, signedBytes, type VoucherCode } from '#kernel/voucher-text'

const signatureBytes = 64

export type ReadCode =
  | {
      kind: 'code'
      code: VoucherCode
      signature: string | undefined
      /** What the scanner did to the text, in words; the signature did not survive it. */
      repaired?: string
    }
  | { kind: 'mistyped'; message: string }

/**
 * Reads what was typed, scanned or pasted: a code in any spelling, or the whole URL of a voucher's QR code, also as a
 * scanner with Caps Lock or for another keyboard writes it. A code counts only when its check character agrees.
 * @param signatureGiven what came beside a code that was cut out of its URL already
 */
export function readCode(text: string, signatureGiven?: string): ReadCode {
  const trimmed = fromWide(text).trim()
  const url = urlIn(trimmed)
  const found = parseVoucherUrl(url)
  const isAsDrawn = found !== undefined && url.includes(`/${found.code}?`)
  if (found && isAsDrawn) return { kind: 'code', ...found }
  const result = parseCode(trimmed)
  if (result.kind === 'ok') {
    const isWhole = signatureGiven === undefined || trimmed === result.code
    return { kind: 'code', code: result.code, signature: isWhole ? signatureGiven : undefined }
  }
  const scanned = codeInScan(trimmed)
  if (scanned !== undefined) return scanned
  if (/^https?:\/\/\S+$/.test(trimmed) && !/redeem/i.test(trimmed))
    return { kind: 'mistyped', message: 'This QR code is not one of our vouchers.' }
  if (trimmed.length > longestTyped)
    return { kind: 'mistyped', message: 'Not readable. Scan again, or type the code.' }
  return { kind: 'mistyped', message: `The code ${result.message}.` }
}

/** Longer than any way of typing a code. */
export const longestTyped = 40

/**
 * The URL of a scan without what scanners add: an identifier of the symbol before it (`]Q1`), marks around it, and the
 * same once more.
 */
function urlIn(text: string): string {
  const parts = text.split(/[^!-~]+|(?<=.)(?=https?:\/\/)/)
  return (parts.find((part) => /^https?:\/\//.test(part)) ?? '').replace(/[^\w-]+$/, '')
}

/** Full-width letters and digits, as an input method for Chinese or Japanese types them. */
const fromWide = (text: string) =>
  text.replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))

/** What keyboards of other layouts write, and what a scanner for a US keyboard meant by it. */
const german = { written: 'yzYZ\u00df-_\u00d6\u00f6?', meant: 'zyZY-/?:;_' }
const french = {
  written: 'aqzwAQZWmM,?\u00e0&\u00e9"\'(-\u00e8_\u00e7)!\u00a7',
  meant: 'qawzQAWZ;:mM0123456789-/?',
}

const belgian = {
  written: 'aqzwAQZWmM,?\u00e0&\u00e9"\'(\u00a7\u00e8!\u00e7',
  meant: 'qawzQAWZ;:mM0123456789',
}
/** Czech and Slovak keyboards have letters where others have digits, and Hungarian ones have one. */
const czech = {
  written: 'yzYZ\u00e9+\u011b\u013e\u0161\u010d\u0159\u0165\u017e\u00fd\u00e1\u00ed',
  meant: 'zyZY012234556789',
}
const hungarian = { written: 'yzYZ\u00f6\u00fc', meant: 'zyZY0-' }
const russian = {
  written:
    '\u0439\u0446\u0443\u043a\u0435\u043d\u0433\u0448\u0449\u0437\u0444\u044b\u0432\u0430\u043f\u0440\u043e\u043b\u0434\u044f\u0447\u0441\u043c\u0438\u0442\u044c',
  meant: 'qwertyuiopasdfghjklzxcvbnm',
}
const greek = {
  written:
    ';:\u03c2\u0385\u03b5\u03c1\u03c4\u03c5\u03b8\u03b9\u03bf\u03c0\u03b1\u03c3\u03b4\u03c6\u03b3\u03b7\u03be\u03ba\u03bb\u03b6\u03c7\u03c8\u03c9\u03b2\u03bd\u03bc',
  meant: 'qQwwertyuiopasdfghjklzxcvbnm',
}

const fromLayout =
  ({ written, meant }: { written: string; meant: string }) =>
  (text: string) =>
    Array.from(text, (character) => {
      const place = written.indexOf(character)
      // Caps Lock writes a capital of a letter that stands where a digit is.
      const small = place < 0 && character > '~' ? written.indexOf(character.toLowerCase()) : place
      return small < 0 ? character : meant.charAt(small)
    }).join('')

const otherLayout = 'The scanner types for another keyboard layout.'
type Reading = { hint: string; read: (text: string) => string; swapsYZ: boolean }
const readings: readonly Reading[] = [
  {
    hint: 'The scanner changes letters: look at its Caps Lock and keyboard layout.',
    read: (text) => text,
    swapsYZ: false,
  },
  ...[german, french, belgian, czech, hungarian, russian, greek].map((layout) => ({
    hint: otherLayout,
    read: fromLayout(layout),
    swapsYZ: layout.written.startsWith('yz'),
  })),
]

/**
 * Whether the keyboard has y and z the other way round: by what it writes for the colon after "https", or for the
 * digits and hyphens of the code. Swedish keyboards, which have them as the scanner has, write that colon as German ones
 * do, and a plus between the groups of the code.
 */
const hasYZSwapped = (text: string) =>
  /https?(?:[\u00e9"]|\u00f6(?!.*redeem.{4,8}\+))|redeem.{0,24}[\u00df\u011b\u0161\u010d\u0159\u017e\u00fd\u00e1\u00ed\u00e9\u013e\u0165\u00f6\u00fc]/i.test(
    text,
  )

/** What stands between the groups of a code and after it is one mark each; first those that read as that. */
const asPrinted = /^[^0-9A-Z]{0,2}([0-9A-Z]{4}[^0-9A-Z]){3}[0-9A-Z]{5}(?![0-9A-Z])/
const somehow = /^/

/** Finds the code after the word "redeem", in whichever letters it arrived. */
function codeInScan(text: string): ReadCode | undefined {
  const fitting = readings.filter(({ swapsYZ }) => swapsYZ === hasYZSwapped(text))
  for (const [shape, tried] of [
    [asPrinted, fitting],
    [somehow, readings],
  ] as const)
    for (const { hint, read } of tried) {
      const upper = read(text).toUpperCase()
      for (const at of new Set([upper.indexOf('REDEEM'), upper.lastIndexOf('REDEEM')])) {
        const after = upper.slice(at + 'REDEEM'.length)
        if (at < 0 || !shape.test(after)) continue
        const result = parseCode(after.replace(/[^0-9A-Z]/g, '').slice(0, 17))
        if (result.kind === 'ok')
          return { kind: 'code', code: result.code, signature: undefined, repaired: hint }
      }
    }
  return undefined
}

/** `genuine` and `forged` are certain; `unchecked` when there is no signature or this browser cannot check it. */
export type SignatureVerdict = 'genuine' | 'forged' | 'unchecked'

/**
 * Checks a voucher's signature here, without the network once the key is known.
 * @param publicKeyPem SPKI in PEM, from `GET /api/voucher-key`
 * Source: RFC 8032 (Ed25519) by way of the Web Crypto API's Secure Curves.
 */
export async function checkSignature(
  code: VoucherCode,
  signature: string,
  publicKeyPem: string,
): Promise<SignatureVerdict> {
  const bytes = bytesOfBase64(signature.replaceAll('-', '+').replaceAll('_', '/'))
  if (bytes?.length !== signatureBytes) return 'forged'
  const spki = bytesOfBase64(publicKeyPem.replace(/-----[^-]+-----|\s/g, ''))
  if (!spki) return 'unchecked'
  try {
    const key = await crypto.subtle.importKey('spki', spki, 'Ed25519', false, ['verify'])
    return (await crypto.subtle.verify('Ed25519', key, bytes, signedBytes(code))) ? 'genuine' : 'forged'
  } catch {
    // No Ed25519, or no secure context: the shop's own answer decides.
    return 'unchecked'
  }
}

function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
