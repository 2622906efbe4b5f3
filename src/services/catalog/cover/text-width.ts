// Advance widths of U+0020 to U+007E in hundredths of the type size, measured from Noto Serif, which is as wide as
// any face that covers are set in.
const ascii = [
  26, 33, 41, 56, 56, 90, 74, 22, 35, 35, 50, 56, 25, 31, 25, 29, 56, 56, 56, 56, 56, 56, 56, 56, 56, 56, 29,
  29, 56, 56, 56, 47, 92, 70, 65, 61, 73, 62, 59, 71, 79, 37, 36, 70, 62, 94, 76, 74, 60, 74, 66, 54, 61, 72,
  67, 105, 66, 62, 59, 36, 29, 36, 56, 46, 27, 56, 61, 49, 61, 53, 37, 54, 63, 32, 30, 58, 31, 94, 64, 58, 61,
  61, 47, 45, 35, 63, 58, 86, 58, 56, 51, 43, 56, 43, 56,
]
const boldFactor = 1.1

/** About how wide a text is, in parts of the type size; rather too wide than too narrow. */
export function widthOf(text: string, bold: boolean, tracking: number): number {
  let width = 0
  for (const character of text.normalize('NFD')) width += widthOfCharacter(character) + tracking
  return width * (bold ? boldFactor : 1)
}

function widthOfCharacter(character: string): number {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x7f) return (ascii[code - 0x20] ?? 0) / 100
  if (/\p{M}/u.test(character)) return 0
  if (isIdeographic(character) || code >= 0x1f000) return 1.02
  if (/[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(character)) return 0.62
  return /\p{Lu}/u.test(character) ? 0.78 : 0.66
}

/** Characters that stand on a square and may be parted from their neighbours at the end of a line. */
export function isIdeographic(character: string): boolean {
  return /[\u2E80-\uA4CF\uF900-\uFAFF\uFE30-\uFE4F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFF}]/u.test(
    character,
  )
}
