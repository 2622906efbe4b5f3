/** The upper half of code page 850, which Excel means by "CSV (MS-DOS)". Source: IBM code page 850. */
const upperHalf =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0'

/** Decodes code page 850, which the platform's TextDecoder does not know. */
export class DosDecoder {
  decode(bytes: Uint8Array = new Uint8Array()): string {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    return text.replace(/[\u0080-\u00ff]/g, (character) => upperHalf[character.charCodeAt(0) - 0x80] ?? '')
  }
}

/** Whether a declared name means code page 850. */
export const isDosName = (name: string) => /^(?:ibm|cp|dos)?-?0*850$/.test(name)

/**
 * Whether more of the letters within words are those of code page 850 than those of windows-1252, by the bytes: within a
 * word, 80 to BF are letters there and hardly ever here. What ends a word tells it too, where it is é or ä there and here a
 * mark that opens a quotation; and so does what is no character here at all.
 * @param before the byte before the first
 */
export function looksLikeDos(bytes: Uint8Array, before = 0): boolean {
  let dos = 0
  let windows = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 0x80) continue
    const follows = isAsciiLetter(i === 0 ? before : bytes[i - 1])
    const precedes = isAsciiLetter(bytes[i + 1])
    if (undefinedInWindows.has(byte) && (follows || precedes)) dos++
    else if (follows && !precedes && openingInWindows.has(byte)) dos++
    else if (!follows || !precedes) continue
    else if (byte >= 0xc0) windows++
    else if (!withinWordsOfWindows.has(byte)) dos++
  }
  return dos > windows
}

/** … Š Œ Ž ’ – — š œ ž · and the soft hyphen stand between letters in windows-1252 too. */
const withinWordsOfWindows = new Set([0x85, 0x8a, 0x8c, 0x8e, 0x92, 0x96, 0x97, 0x9a, 0x9c, 0x9e, 0xad, 0xb7])

/** ü ì Å É Ø of code page 850. */
const undefinedInWindows = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])
/** é and ä of code page 850, the low quotation marks of windows-1252. */
const openingInWindows = new Set([0x82, 0x84])

const isAsciiLetter = (byte = 0) => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
