import type { OnixElement } from './onix-element.ts'

/**
 * Whether a price or a market is meant for a country: named in it, left out of it, or neither said. Where the shop does
 * not tell its country, nothing is left out, and what is meant for some countries is less likely than what is for all.
 * Source: ONIX for Books 3.0, composite Territory; 2.1, CountryCode and Territory in Price; code list 49.
 */
export function saleIn(
  territory: OnixElement,
  country: string,
): 'included' | 'unsaid' | 'excluded' | 'unknown' {
  const list = (...names: string[]) =>
    names.flatMap((name) => territory.values(name)).flatMap((text) => text.toUpperCase().split(/\s+/))
  const countries = list('CountriesIncluded', 'CountryCode')
  const regions = list('RegionsIncluded', 'Territory')
  const without = list('CountriesExcluded', 'CountryExcluded')
  const withoutRegions = list('RegionsExcluded', 'TerritoryExcluded')
  const isWorld = regions.some((region) => region === 'WORLD' || region === 'ROW')
  if (countries.length === 0 && regions.length === 0 && without.length === 0) return 'unsaid'
  if (country === '')
    return isWorld || (countries.length === 0 && regions.length === 0) ? 'unsaid' : 'unknown'
  if (without.includes(country) || withoutRegions.some((region) => holds(region, country))) return 'excluded'
  if (countries.includes(country)) return 'included'
  if (regions.some((region) => holds(region, country))) return 'included'
  if (isWorld || (countries.length === 0 && regions.length === 0)) return 'unsaid'
  return 'excluded'
}

const holds = (region: string, country: string) =>
  region.startsWith(`${country}-`) || groups[region]?.includes(country) === true

/** Regions of code list 49 that are sets of countries. */
const groups: Readonly<Record<string, readonly string[]>> = {
  ECZ: 'AT BE CY EE ES FI FR DE GR HR IE IT LT LU LV MT NL PT SI SK AD MC SM VA ME'.split(' '),
}
