import { fileURLToPath } from 'node:url'

/**
 * The typefaces of a voucher, as files from npm packages, so that a voucher looks the same on every machine. They are
 * read when a text first needs one of their glyphs.
 */
const files = [
  'newsreader/400Regular/Newsreader_400Regular.ttf',
  'newsreader/400Regular_Italic/Newsreader_400Regular_Italic.ttf',
  'newsreader/500Medium/Newsreader_500Medium.ttf',
  'newsreader/700Bold/Newsreader_700Bold.ttf',
  'instrument-sans/400Regular/InstrumentSans_400Regular.ttf',
  'instrument-sans/500Medium/InstrumentSans_500Medium.ttf',
  'instrument-sans/600SemiBold/InstrumentSans_600SemiBold.ttf',
  'gentium-plus/GentiumPlus_400Regular.ttf',
  'gentium-plus/GentiumPlus_400Regular_Italic.ttf',
  'noto-naskh-arabic/400Regular/NotoNaskhArabic_400Regular.ttf',
  'frank-ruhl-libre/400Regular/FrankRuhlLibre_400Regular.ttf',
  'tiro-devanagari-hindi/400Regular/TiroDevanagariHindi_400Regular.ttf',
  'noto-sans-armenian/400Regular/NotoSansArmenian_400Regular.ttf',
  'noto-sans-georgian/400Regular/NotoSansGeorgian_400Regular.ttf',
  'noto-sans-bengali/400Regular/NotoSansBengali_400Regular.ttf',
  'noto-sans-tamil/400Regular/NotoSansTamil_400Regular.ttf',
  'noto-sans-thai/400Regular/NotoSansThai_400Regular.ttf',
  'chocolate-classical-sans/400Regular/ChocolateClassicalSans_400Regular.ttf',
  'gowun-dodum/400Regular/GowunDodum_400Regular.ttf',
  'noto-emoji/400Regular/NotoEmoji_400Regular.ttf',
]

/** Absolute paths. @throws Error when the package of one is not installed */
export function fontPaths(): string[] {
  return files.map((file) => fileURLToPath(import.meta.resolve(`@expo-google-fonts/${file}`)))
}
