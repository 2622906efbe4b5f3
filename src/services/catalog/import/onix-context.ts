import type { Findings, Notes } from './findings.ts'
import type { OnixElement } from './onix-element.ts'
import { readLanguage } from './read-language.ts'
import type { Shop } from './source.ts'

/** What a message says once for all its products. Source: ONIX for Books 3.0, MH.10 to MH.18; 2.1, MH.20 to MH.29. */
export type HeaderDefaults = {
  language?: string
  priceType?: string
  currency?: string
  /** For whom prices are, in 2.1's words. */
  classOfTrade?: string
  /** Units of measures that do not name theirs, as code list 50 has them. */
  linearUnit?: string
  weightUnit?: string
}

export type OnixContext = {
  shop: Shop
  nowMs: number
  /** Whether the message is ONIX 2.1, of which some codes mean something else. */
  isOldRelease: boolean
  header: HeaderDefaults
  findings: Findings
  notes: Notes
}

export function headerDefaults(header: OnixElement): HeaderDefaults {
  const language = readLanguage(header.value('DefaultLanguageOfText'))
  const priceType = header.value('DefaultPriceType', 'DefaultPriceTypeCode')
  const currency = header.value('DefaultCurrencyCode').toUpperCase()
  const rest = {
    classOfTrade: header.value('DefaultClassOfTrade'),
    linearUnit: header.value('DefaultLinearUnit'),
    weightUnit: header.value('DefaultWeightUnit'),
  }
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== '')),
    ...(language.kind === 'ok' && { language: language.value }),
    ...(priceType !== '' && { priceType }),
    ...(currency !== '' && { currency }),
  }
}
