import type { ImportField } from './columns.ts'

const words = (text: string) => text.trim().split(/\s+/)

/**
 * Fields by the names that files give them, without case, accents, spaces and punctuation, in order of trust. They are
 * those of the programs that people keep books in, and of the shop's languages.
 */
export const aliases: Readonly<Record<ImportField, readonly string[]>> = {
  isbn: words(`isbn isbn13 isbn10 ean ean13 gtin gtin13 isbnean eanisbn isbnnummer isbnnr eancode isbncode codigoisbn
    codiceisbn barcode variantbarcode gtinupceanorisbn isbns isbn13ean primaryisbn code13 codebarres codigodebarras
    codiceabarre strichcode artikelnummer sku variantsku identifiers`),
  title:
    words(`title booktitle name producttitle productname titel buchtitel titre titreduproduit titulo titolo tytul
    tittel bezeichnung`),
  subtitle: words('subtitle untertitel soustitre subtitulo sottotitolo ondertitel undertitel'),
  contributors:
    words(`contributors authors author creators creator authornames authorname autor autoren autorin autora verfasser verfasserin writtenby
    auteur auteurs autores autore autori primaryauthor authortext writer schrijver forfatter forfattare`),
  moreContributors:
    words(`additionalauthors secondaryauthor secondaryauthors coauthors coauthor illustrator illustrators
    illustrateur illustratore translator translators ubersetzer traducteur traductor traduttore vertaler herausgeber narrator`),
  moreRoles: words('secondaryauthorroles additionalauthorroles'),
  publisher:
    words(`publisher publishername imprint verlag verlagsname editeur editorial editorialname editore casaeditrice
    uitgever uitgeverij forlag vendor brand brands`),
  publication: words('publication'),
  publishedOn:
    words(`publishedon publicationdate published pubdate publishdate datepublished yearpublished publicationyear
    releasedate erscheinungsdatum erscheinungsjahr erscheinungstermin erschienen datedeparution dateparution
    datedepublication anneedeparution fechadepublicacion fechapublicacion anodepublicacion datadipubblicazione
    annodipubblicazione datapubblicazione verschijningsdatum year jahr annee ano anno date originalpublicationyear
    originalpublicationdate`),
  language: words(
    'language languagecode lang languages sprache sprachen langue langues idioma idiomas lingua taal sprak',
  ),
  format:
    words(`format binding bindingtype einband einbandart bindung ausstattung produktform reliure encuadernacion
    formato rilegatura legatura media mediatype`),
  description:
    words(`description longdescription productdescription blurb synopsis annotation bodyhtml beschreibung
    klappentext kurzbeschreibung inhalt resume quatriemedecouverture descripcion sinopsis resumen descrizione trama
    beschrijving comments shortdescription`),
  subjects:
    words(`subjects subject categories category genres genre keywords tags productcategory kategorie kategorien
    themen thema schlagworte warengruppe sachgruppe categorie themes theme categoria categorias materia materias tema temas
    categorie genere generi argomento rubriek`),
  price:
    words(`price listprice retailprice regularprice rrp srp msrp uvp rsp coverprice sellingprice variantprice
    consumerprice recommendedretailprice suggestedretailprice priceincltax preis ladenpreis verkaufspreis verkaufspreise
    vkpreis vk preisuvp endpreis prix prixpublic prixdevente prixvente prixpublicttc precio pvp precioventa preciodeventa
    preciopublico preciofinal prezzo prezzodicopertina prezzocopertina prezzoalpubblico prezzodilistino bruttopreis gebundenerladenpreis
    ladenpreisgebunden endverbraucherpreis prixediteur preciodeventaalpublico pricerrp publishersprice prijs verkoopprijs pris cena`),
  priceAmount: words('priceamount'),
  currency: words(
    'currency pricecurrency currencycode wahrung wahrungscode devise monnaie moneda divisa valuta',
  ),
  // Pictures of other shops are not ours to show: a cover is taken only where a mapping asks for it.
  cover: [],
  limited: words('limited limitededition'),
  perCustomer: words('percustomer'),
  salesOpenAt: words('salesopenat onsaledate'),
  salesOpenIn: words('salesopenin'),
  copies:
    words(`copies stock stockquantity stocklevel quantity qty quantityonhand onhand inventory inventoryquantity
    variantinventoryqty bestand lagerbestand menge anzahl stuckzahl exemplare exemplaires quantite existencias cantidad
    unidades giacenza quantita voorraad aantal antal lager`),
  pages: words(
    `pages numberofpages pagecount numpages seiten seitenzahl seitenanzahl nombredepages nbpages nbdepages paginas numerodepaginas nºdepaginas nodepaginas numeropagine numerodipagine
    pagine aantalpaginas`,
  ),
  originalTitle: words(
    'originaltitle originaltitel titreoriginal titulooriginal titolooriginale oorspronkelijketitel titleoriginal',
  ),
  series: words('series seriestitle reihe serie collana coleccion'),
}
