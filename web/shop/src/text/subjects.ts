import type { Book } from '#services/gateway'

/**
 * What a subject is called on a page. A code whose heading the catalogue does not give gets the main category that it
 * begins with, in our words; the headings of Thema, BISAC and BIC themselves are their owners'. Filters go by the value.
 */
export function subjectName(subject: string, details?: Book['details']): string {
  const coded = details?.subjects?.find(({ code, heading }) => heading === undefined && code === subject)
  const scheme = coded?.scheme ?? (isBisac(subject) ? bisacScheme : '')
  const category = categoryOf(scheme, subject)
  return category === undefined ? subject : `${category} (${subject})`
}

/** What a category of Thema is called on a page: `Fiction`, and `Fiction (FB)` for one below it. */
export function categoryName(code: string): string {
  const category = thema[code.slice(0, 1).toUpperCase()]
  if (category === undefined) return `Thema ${code.toUpperCase()}`
  return code.length === 1 ? category : `${category} (${code.toUpperCase()})`
}

/** The main categories of a book that its Thema codes are of, by their letters. Source: ONIX code list 27. */
export function mainCategories(details: Book['details'] | undefined): string[] {
  const letters = (details?.subjects ?? []).flatMap(({ scheme, code }) =>
    scheme === '93' && thema[code.slice(0, 1)] !== undefined ? [code.slice(0, 1)] : [],
  )
  return [...new Set(letters)]
}

/** Three letters and six digits are no word of any language. */
const isBisac = (text: string) => /^[A-Z]{3}\d{6}$/.test(text)

/** Source: ONIX code list 27. */
const bisacScheme = '10'
function categoryOf(scheme: string, code: string): string | undefined {
  if (scheme === bisacScheme) return bisac[code.slice(0, 3)]
  if (scheme === '12') return bic[code.slice(0, 1)]
  return scheme === '93' ? thema[code.slice(0, 1)] : undefined
}

const shared = {
  A: 'Arts',
  C: 'Language',
  F: 'Fiction',
  G: 'Reference',
  J: 'Society',
  K: 'Business',
  L: 'Law',
  M: 'Medicine',
  P: 'Science',
  R: 'Earth and environment',
  T: 'Technology',
  U: 'Computing',
  V: 'Health and relationships',
  W: 'Hobbies and lifestyle',
  Y: 'Children and teenagers',
}
const thema: Readonly<Record<string, string>> = {
  ...shared,
  D: 'Lives and literature',
  N: 'History',
  Q: 'Philosophy and religion',
  S: 'Sport',
  X: 'Comics',
}
const bic: Readonly<Record<string, string>> = {
  ...shared,
  B: 'Lives',
  D: 'Literature',
  E: 'Learning English',
  H: 'Humanities',
}
const bisac: Readonly<Record<string, string>> = {
  ANT: 'Collecting',
  ARC: 'Architecture',
  ART: 'Arts',
  BIB: 'Bibles',
  BIO: 'Lives',
  BUS: 'Business',
  CGN: 'Comics',
  CKB: 'Cooking',
  COM: 'Computing',
  CRA: 'Crafts',
  DES: 'Design',
  DRA: 'Plays',
  EDU: 'Education',
  FAM: 'Family',
  FIC: 'Fiction',
  FOR: 'Learning languages',
  GAM: 'Games',
  GAR: 'Gardening',
  HEA: 'Health',
  HIS: 'History',
  HOM: 'House and home',
  HUM: 'Humour',
  JNF: 'Facts for children',
  JUV: 'Stories for children',
  LAN: 'Language',
  LAW: 'Law',
  LCO: 'Literary collections',
  LIT: 'Literature',
  MAT: 'Mathematics',
  MED: 'Medicine',
  MUS: 'Music',
  NAT: 'Nature',
  OCC: 'Body, mind and spirit',
  PER: 'Stage and screen',
  PET: 'Animals',
  PHI: 'Philosophy',
  PHO: 'Photography',
  POE: 'Poetry',
  POL: 'Politics',
  PSY: 'Psychology',
  REF: 'Reference',
  REL: 'Religion',
  SCI: 'Science',
  SEL: 'Self-help',
  SOC: 'Society',
  SPO: 'Sport',
  STU: 'Study aids',
  TEC: 'Technology',
  TRA: 'Transport',
  TRU: 'True crime',
  TRV: 'Travel',
  YAF: 'Stories for teenagers',
  YAN: 'Facts for teenagers',
}
