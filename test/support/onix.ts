import { Findings } from '../../src/services/catalog/import/findings.ts'
import { readOnix } from '../../src/services/catalog/import/read-onix.ts'
import {
  type ImportedBook,
  type Shop,
  type SourceRecord,
  shopDefaults,
} from '../../src/services/catalog/import/source.ts'

const day = Date.UTC(2026, 5, 15)
export const berlin: Shop = { country: 'DE', currency: 'EUR', timeZone: 'Europe/Berlin' }

/** The records of ONIX, read in pieces. */
export async function records(
  xml: string | Uint8Array,
  shop: Shop = shopDefaults,
  findings = new Findings(),
): Promise<SourceRecord[]> {
  const bytes = typeof xml === 'string' ? Buffer.from(xml) : xml
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += 1000) yield bytes.subarray(i, i + 1000)
  }
  const found: SourceRecord[] = []
  for await (const record of readOnix(pieces(), { mapping: {}, shop, nowMs: day, findings }))
    found.push(record)
  return found
}

export const identifier =
  '<ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780441172719</IDValue></ProductIdentifier>'
export const titled =
  '<TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>Dune</TitleText></TitleElement></TitleDetail>'

type Parts = {
  header?: string
  descriptive?: string
  collateral?: string
  publishing?: string
  supply?: string
  related?: string
  title?: string
}
/** A message of one product with these parts. */
export const message = ({
  header = '',
  descriptive = '',
  collateral = '',
  publishing = '',
  supply = '',
  related = '',
  title = titled,
}: Parts) =>
  `<ONIXMessage release="3.0">${header && `<Header>${header}</Header>`}<Product><NotificationType>03</NotificationType>${identifier}` +
  `<DescriptiveDetail>${title}${descriptive}</DescriptiveDetail><CollateralDetail>${collateral}</CollateralDetail>` +
  `<PublishingDetail>${publishing}</PublishingDetail>${related && `<RelatedMaterial>${related}</RelatedMaterial>`}<ProductSupply><SupplyDetail>${supply}</SupplyDetail></ProductSupply></Product></ONIXMessage>`

export async function bookOf(parts: Parts, shop?: Shop): Promise<ImportedBook> {
  const [record] = await records(message(parts), shop)
  if (record?.kind !== 'book') throw new Error(`no book: ${JSON.stringify(record)}`)
  return record.book
}
