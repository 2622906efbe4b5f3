/** Composites, whose short tag is their reference name in small letters. */
const composites = `
Addressee AlternativeName AncillaryContent Audience AudienceRange BatchBonus CollateralDetail Collection CollectionSequence ContentDetail ContentItem Contributor ContributorDate DescriptiveDetail Discount DiscountCoded Extent Header Illustrations Imprint Language MainSubject Market MarketDate MarketPublishingDetail Measure MediaFile Name NotForSale OtherText Price PriceCoded PriceCondition PriceConditionQuantity PriceDate Product ProductFormFeature ProductIdentifier ProductPart ProductSupply ProductionDetail PromotionDetail Publisher PublishingDate PublishingDetail RelatedMaterial RelatedProduct RelatedWork ResourceFeature ResourceVersion ReturnsConditions SalesRights Sender Series Set Stock Subject Supplier SupplyDate SupplyDetail SupportingResource Tax Territory TextContent Title TitleDetail TitleElement Website WorkIdentifier`

/** Short tags of the data elements that are read, each before its reference name. */
const dataElements = `
a001 RecordReference a002 NotificationType a197 RecordSourceName b003 PublicationDate b004 ISBN b005 EAN13
b006 UPC b012 ProductForm b014 ProductFormDescription b018 TitleOfSeries b019 NumberWithinSeries
b020 YearOfAnnual b027 TextCaseFlag b028 DistinctiveTitle b029 Subtitle b030 TitlePrefix
b031 TitleWithoutPrefix b034 SequenceNumber b035 ContributorRole b036 PersonName b037 PersonNameInverted
b038 TitlesBeforeNames b039 NamesBeforeKey b040 KeyNames b041 NamesAfterKey b042 LettersAfterNames
b043 TitlesAfterNames b044 BiographicalNote b047 CorporateName b048 ContributorDescription b049 ContributorStatement
b056 EditionTypeCode b057 EditionNumber b058 EditionStatement b059 LanguageOfText b061 NumberOfPages
b062 IllustrationsNote b064 BASICMainSubject b065 BICMainSubject b067 SubjectSchemeIdentifier
b068 SubjectSchemeVersion b069 SubjectCode b070 SubjectHeadingText b073 AudienceCode
b074 AudienceRangeQualifier b075 AudienceRangePrecision b076 AudienceRangeValue b079 ImprintName
b081 PublisherName b083 CountryOfPublication b087 CopyrightYear b088 YearFirstPublished
b089 SalesRightsType b090 RightsCountry b388 RightsTerritory b125 NumberOfIllustrations b171 SubjectSchemeName b191 MainSubjectSchemeIdentifier
b201 WorkIDType b202 TitleType b203 TitleText b204 AudienceCodeType b206 AudienceCodeValue
b207 AudienceDescription b209 CityOfPublication b211 EpubType b213 EpubTypeDescription b218 ExtentType
b219 ExtentValue b220 ExtentUnit b221 ProductIDType b244 IDValue b247 PrefixToKey b248 SuffixToKey
b249 UnnamedPersons b250 PersonNameType b251 CountryCode b252 LanguageCode b253 LanguageRole
b254 PagesRoman b255 PagesArabic b291 PublishingRole b306 Date b333 ProductFormDetail
b334 ProductFormFeatureType b335 ProductFormFeatureValue b336 ProductFormFeatureDescription
b340 SequenceNumberWithinRole b385 ProductContentType b394 PublishingStatus c093 MeasureTypeCode
c094 Measurement c095 MeasureUnitCode c096 Height c097 Width c098 Thickness c099 Weight d100 Annotation
d101 MainDescription d102 TextTypeCode d103 TextFormat d104 Text d107 TextAuthor f114 MediaFileTypeCode
f116 MediaFileLinkTypeCode f117 MediaFileLink h208 RelationCode j137 SupplierName j141 AvailabilityCode
j143 OnSaleDate j148 PriceTypeCode j149 ClassOfTrade j151 PriceAmount j152 CurrencyCode j153 TaxRateCode1
j154 TaxRatePercent1 j155 TaxableAmount1 j156 TaxAmount1 j161 PriceEffectiveFrom j162 PriceEffectiveUntil
j157 TaxRateCode2 j158 TaxRatePercent2 j159 TaxableAmount2
j160 TaxAmount2 j192 UnpricedItemType j239 PricePer j260 DateFormat j261 PriceQualifier j262 PriceTypeDescription
j263 MinimumOrderQuantity j266 PriceStatus j267 DiscountPercent j292 SupplierRole j303 Territory
j304 CountryExcluded j308 TerritoryExcluded j350 OnHand j396 ProductAvailability
j407 MarketPublishingStatus j408 MarketDateRole m174 FromCompany m182 SentDate m184 DefaultLanguageOfText
m185 DefaultPriceTypeCode m186 DefaultCurrencyCode m187 DefaultLinearUnit m188 DefaultWeightUnit
m193 DefaultClassOfTrade n339 NoContributor x298 SenderName x307 SentDateTime
x310 DefaultPriceType x314 ProductComposition x315 MeasureType x329 CollectionType x409 TitleElementLevel
x410 PartNumber x412 FromLanguage x414 NameType x416 PrimaryContentType x419 EditionType x420 ScriptCode x422 Illustrated
x425 MainSubject x426 TextType x427 ContentAudience x435 ResourceLink x436 ResourceContentType
x437 ResourceMode x441 ResourceForm x443 CorporateNameInverted x448 PublishingDateRole
x449 CountriesIncluded x450 RegionsIncluded x451 CountriesExcluded x452 RegionsExcluded
x456 ROWSalesRightsType x454 WorkRelationCode x455 ProductRelationCode x461 SupplyDateRole x462 PriceType x463 PriceConditionType
x470 TaxType x471 TaxRateCode x472 TaxRatePercent x473 TaxableAmount x474 TaxAmount x475 CurrencyZone
x476 PriceDateRole x478 TitleStatement x479 CollectionSequenceType x481 CollectionSequenceNumber
x501 NoPrefix`

/**
 * Reference names by short tag. What is not here keeps its tag, and is reported as not read under it.
 * Source: EDItEUR, ONIX for Books 2.1, 3.0 and 3.1, tag names.
 */
const referenceNames: ReadonlyMap<string, string> = new Map([...shortComposites(), ...shortDataElements()])

/** The reference name of an element, whichever form and whichever namespace prefix the file writes it in. */
export function onixName(tag: string): string {
  const local = tag.slice(tag.indexOf(':') + 1)
  return referenceNames.get(local) ?? local
}

function* shortComposites(): Generator<[string, string]> {
  for (const name of composites.trim().split(/\s+/)) yield [name.toLowerCase(), name]
}

function* shortDataElements(): Generator<[string, string]> {
  const words = dataElements.trim().split(/\s+/)
  for (let i = 0; i + 1 < words.length; i += 2) yield [words[i] ?? '', words[i + 1] ?? '']
}
