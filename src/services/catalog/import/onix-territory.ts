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
  const countries = list('CountriesIncluded', 'CountryCode', 'RightsCountry')
  const regions = list('RegionsIncluded', 'Territory', 'RightsTerritory')
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

/** In 3.x places are in a composite; in 2.1 an element of the same name lists regions. */
export const placesOf = (element: OnixElement) =>
  element.all('Territory').find(({ children }) => children.length > 0) ?? element

/** Whether a supply is for the market that the shop is in. Where none of its territories is told, it is for all. */
export function isMarketOf(supply: OnixElement, country: string): boolean {
  const territories = supply.all('Market').flatMap((market) => market.all('Territory'))
  return territories.length === 0 || territories.some((each) => saleIn(each, country) !== 'excluded')
}

/** Supplies of the product in the market that the shop is in. */
export const suppliesIn = (product: OnixElement, country: string): OnixElement[] =>
  product.all('ProductSupply').filter((supply) => isMarketOf(supply, country))

/** Rights not to sell. Source: ONIX code list 46. */
const notForSale = ['03', '04', '05', '06']

/**
 * Whether the product's rights let it be sold in a country: what names the country comes before what is for all others.
 * Where nothing is said, it may. Source: ONIX for Books 3.0, P.21; 2.1, SalesRights and NotForSale.
 */
export function isForSaleIn(product: OnixElement, country: string): boolean {
  const rights = [
    ...product.inBlocks('SalesRights').map((each) => ({ type: each.value('SalesRightsType'), each })),
    ...product.all('NotForSale').map((each) => ({ type: '03', each })),
  ].map(({ type, each }) => ({ type, sale: saleIn(placesOf(each), country) }))
  const rest = product.valueInBlocks('ROWSalesRightsType')
  const told = ['included', 'unsaid'].flatMap((sale) => rights.filter((each) => each.sale === sale))
  return country === '' || !notForSale.includes(told[0]?.type ?? rest)
}

const holds = (region: string, country: string) =>
  region.startsWith(`${country}-`) || groups[region]?.includes(country) === true

/** Regions of code list 49 that are sets of countries. */
const groups: Readonly<Record<string, readonly string[]>> = {
  ECZ: 'AT BE CY EE ES FI FR DE GR HR IE IT LT LU LV MT NL PT SI SK AD MC SM VA ME'.split(' '),
}
