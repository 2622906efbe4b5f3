/** Catalogues as publishers, shops and programs write them, small and whole: what mutations begin from. */
export type Shape = { name: string; text: string }

const isbns = ['9780441172719', '9780141439518', '9780306406157']

const reference = `<?xml version="1.0" encoding="UTF-8"?>
<ONIXMessage release="3.0" xmlns="http://ns.editeur.org/onix/3.0/reference"><Header><Sender><SenderName>Press &amp; Co</SenderName></Sender><SentDateTime>20261101T1200Z</SentDateTime><DefaultLanguageOfText>ger</DefaultLanguageOfText><DefaultPriceType>02</DefaultPriceType><DefaultCurrencyCode>EUR</DefaultCurrencyCode></Header>
<Product datestamp="20261101"><RecordReference>r1</RecordReference><NotificationType>03</NotificationType><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbns[0]}</IDValue></ProductIdentifier>
<DescriptiveDetail><ProductComposition>00</ProductComposition><ProductForm>BC</ProductForm><ProductFormFeature><ProductFormFeatureType>09</ProductFormFeatureType><ProductFormFeatureValue>14</ProductFormFeatureValue></ProductFormFeature><Measure><MeasureType>01</MeasureType><Measurement>8.5</Measurement><MeasureUnitCode>in</MeasureUnitCode></Measure><Collection><CollectionType>10</CollectionType><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>02</TitleElementLevel><TitleText>Great Series</TitleText></TitleElement></TitleDetail></Collection><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitlePrefix>Der</TitlePrefix><TitleWithoutPrefix>Wüstenplanet</TitleWithoutPrefix><Subtitle>A novel</Subtitle></TitleElement></TitleDetail><TitleDetail><TitleType>03</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>Dune</TitleText></TitleElement></TitleDetail>
<Contributor><SequenceNumber>1</SequenceNumber><ContributorRole>A01</ContributorRole><ContributorRole>A12</ContributorRole><NamesBeforeKey>Ludwig</NamesBeforeKey><PrefixToKey>van</PrefixToKey><KeyNames>Beispiel</KeyNames></Contributor><Contributor><ContributorRole>B06</ContributorRole><PersonNameInverted>Smith, John, Sir</PersonNameInverted></Contributor><Language><LanguageRole>01</LanguageRole><LanguageCode>ger</LanguageCode><CountryCode>AT</CountryCode></Language><Extent><ExtentType>00</ExtentType><ExtentValue>412</ExtentValue><ExtentUnit>03</ExtentUnit></Extent><Subject><MainSubject/><SubjectSchemeIdentifier>93</SubjectSchemeIdentifier><SubjectCode>FL</SubjectCode></Subject><Subject><SubjectSchemeIdentifier>20</SubjectSchemeIdentifier><SubjectHeadingText>sand; worms</SubjectHeadingText></Subject><AudienceRange><AudienceRangeQualifier>17</AudienceRangeQualifier><AudienceRangePrecision>03</AudienceRangePrecision><AudienceRangeValue>12</AudienceRangeValue></AudienceRange></DescriptiveDetail>
<CollateralDetail><TextContent><TextType>03</TextType><ContentAudience>00</ContentAudience><Text textformat="05"><p>One <em>two</em>, <q>three</q>.</p><ul><li>four</li><li>five</li></ul><ruby>書<rt>sho</rt></ruby></Text></TextContent><TextContent><TextType>02</TextType><ContentAudience>03</ContentAudience><Text textformat="02"><![CDATA[&lt;p&gt;Twice &amp;amp; escaped&lt;/p&gt;]]></Text></TextContent><SupportingResource><ResourceContentType>01</ResourceContentType><ContentAudience>00</ContentAudience><ResourceMode>03</ResourceMode><ResourceVersion><ResourceForm>02</ResourceForm><ResourceLink>https://covers.example/1.jpg</ResourceLink></ResourceVersion></SupportingResource></CollateralDetail>
<PublishingDetail><Imprint><ImprintName>Small</ImprintName></Imprint><Publisher><PublishingRole>01</PublishingRole><PublisherName>Press</PublisherName></Publisher><PublishingDate><PublishingDateRole>01</PublishingDateRole><Date dateformat="00">20270305</Date></PublishingDate><PublishingDate><PublishingDateRole>02</PublishingDateRole><Date>20270301</Date></PublishingDate></PublishingDetail><RelatedMaterial><RelatedProduct><ProductRelationCode>06</ProductRelationCode><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbns[1]}</IDValue></ProductIdentifier></RelatedProduct></RelatedMaterial>
<ProductSupply><Market><Territory><CountriesIncluded>DE AT</CountriesIncluded></Territory></Market><SupplyDetail><Supplier><SupplierRole>01</SupplierRole><SupplierName>S</SupplierName></Supplier><ProductAvailability>20</ProductAvailability><Price><PriceType>02</PriceType><PriceQualifier>05</PriceQualifier><PriceAmount>12.99</PriceAmount><Tax><TaxType>01</TaxType><TaxRatePercent>7</TaxRatePercent></Tax><CurrencyCode>EUR</CurrencyCode><Territory><CountriesIncluded>DE</CountriesIncluded></Territory><PriceDate><PriceDateRole>14</PriceDateRole><Date>20260101</Date></PriceDate></Price><Price><PriceType>01</PriceType><PriceAmount>9.50</PriceAmount><CurrencyCode>GBP</CurrencyCode></Price></SupplyDetail></ProductSupply></Product>
<Product><RecordReference>r2</RecordReference><NotificationType>05</NotificationType><DeletionText>in error</DeletionText><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbns[2]}</IDValue></ProductIdentifier></Product>
</ONIXMessage>
`

const shortTags = `<?xml version='1.0'?>
<!DOCTYPE ONIXmessage SYSTEM "onix-international.dtd" [<!ENTITY own "x">]>
<ONIXmessage><header><m174>Feed</m174><m186>USD</m186></header><product><a001>1</a001><a002>03</a002><b004>0441172717</b004><b012>BB</b012><title><b202>01</b202><b203>Dune &eacute; &own; &amp;#8212; x</b203><b029>Sub</b029></title><contributor><b034>1</b034><b035>A01</b035><b037>Herbert, Frank</b037></contributor><b059>eng</b059><b061>412</b061><b064>FIC028000</b064><othertext><d102>01</d102><d103>02</d103><d104>&lt;b&gt;Sand&lt;/b&gt;</d104></othertext><publisher><b291>01</b291><b081>Press</b081></publisher><b003>19650801</b003><supplydetail><j137>S</j137><j141>IP</j141><price><j148>01</j148><j151>9.99</j151><j152>USD</j152><b251>US</b251></price></supplydetail></product><!-- between --><product><a001>2</a001><a002>04</a002><b005>${isbns[1]}</b005><supplydetail><j137>S</j137><j192>01</j192></supplydetail></product></ONIXmessage>`

const prefixed = reference
  .replace(/<(\/?)(?=[A-Za-z])/g, '<$1o:')
  .replace(
    'o:ONIXMessage release',
    'o:ONIXMessage xmlns:o="http://ns.editeur.org/onix/3.1/reference" release',
  )

const comma = `isbn,title,authors,publisher,published,language,format,description,subjects,price,currency,copies,pages\r
${isbns[0]},"Dune, again","Frank Herbert; Ann Brush (illustrator)",Press,1965-08-01,eng,Paperback,"<p>Sand &amp; ""worms""</p>
more","Fiction, Sand",9.99,EUR,3,412\r
ISBN 0-14-143951-3 (pbk.),Pride,"Austen, Jane",Press,12/05/2019,English,,,,"US$12.99",,,\r
9.78E+12,Rounded,,,,,,,,,,,\r
`
const semicolons = `sep=;
Katalog Frühjahr
ISBN;Titel;Autor;Verlag;Erscheinungsdatum;Preis (EUR);Bestand;Originaltitel
=" ${isbns[0]}";Wüstenplanet;Herbert, Frank / Brush, Bob;Verlag;31.12.2019;1.234,56 €;1.200;Dune
'${isbns[1]};Stolz;Anna Beispiel und Bo Muster;;Mai 2020;12,-;-3;
;;;;;;;
${isbns[2]};Kurz
`
const tabs = `Book Id\tTitle\tSort Character\tPrimary Author\tPrimary Author Role\tSecondary Author\tSecondary Author Roles\tPublication\tDate\tMedia\tLanguages\tISBN\tISBNs\tSubjects\tCopies
101\tA Tale\t1\tAuthor, Ann\tAuthor\tBrush, Bob\tIllustrator\tPress (2004), 300 pages\t2004\tPaperback\tEnglish\t[${isbns[0]}]\t${isbns[0]}\tFiction|Sea\t1
`
const goodreads = `Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Publisher,Binding,Number of Pages,Year Published,Original Publication Year,Exclusive Shelf
1,"Dune (Dune, #1)",Frank Herbert,"Herbert, Frank","Ann Brush, Bo Muster","=""0441172717""","=""${isbns[0]}""",5,Ace,Paperback,412,2004,1965,read
`
const shopify = `Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Variant SKU,Variant Price,Variant Barcode,Image Src
dune,Dune,"<div><p>Sand<br/>worms</p></div>",Press,Book,"fiction, sand",true,d1,9.99,${isbns[0]},https://x.example/1.jpg
dune,,,,,,,,,,https://x.example/2.jpg
`
const bars = `isbn|price|published|language
${isbns[0]}|kr 129|c2019|en_GB
${isbns[1]}|12.500|20190512|castellano
`

export const shapes: readonly Shape[] = [
  { name: 'ONIX 3, reference names', text: reference },
  { name: 'ONIX 2.1, short tags', text: shortTags },
  { name: 'ONIX 3.1, prefixed', text: prefixed },
  { name: 'CSV with commas', text: comma },
  { name: 'CSV of Excel', text: semicolons },
  { name: 'CSV of LibraryThing', text: tabs },
  { name: 'CSV of Goodreads', text: goodreads },
  { name: 'CSV of Shopify', text: shopify },
  { name: 'CSV with bars', text: bars },
]
