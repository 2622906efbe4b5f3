import type { ImportField } from './import-fields.ts'

const words = (text: string) => text.trim().split(/\s+/)

/**
 * Fields by the names that files give them, without case, accents, spaces and punctuation, in order of trust. They are
 * those of the programs that people keep books in, and of the shop's languages.
 */
export const aliases: Readonly<Record<ImportField, readonly string[]>> = {
  isbn: words(`isbn isbn13 isbn10 ean ean13 gtin gtin13 isbnean eanisbn isbnnummer isbnnr eancode isbncode codigoisbn
    codiceisbn barcode variantbarcode gtinupceanorisbn gtinupceanoderisbn gtinupceanouisbn gtinupceanoisbn gtinupceanofisbn isbns isbn13ean primaryisbn code13 codebarres codigodebarras
    codiceabarre strichcode artikelnummer sku ugs variantsku identifiers
    codeisbn nisbn nºisbn nrisbn numisbn isbnnumber isbnno numeroisbn numerodeisbn isbnuid productcode itemnumber
    artikelnr bestellnummer bestellnr upc reference referencia codice codigo`),
  title:
    words(`title booktitle name producttitle productname titel buchtitel titre titreduproduit titulo titolo tytul
    tittel bezeichnung
    titredulivre titulodellibro titololibro titolodellibro nombredellibro bookname nameofbook fulltitle titlemain maintitle haupttitel
    intitule designation artikelbezeichnung produkttitel produktname nom nombre nome naam`),
  subtitle: words(`subtitle untertitel soustitre subtitulo sottotitolo ondertitel undertitel
    sottotitoli zusatztitel`),
  contributors:
    words(`contributors authors author creators creator authornames authorname autor autoren autorin autora verfasser verfasserin writtenby
    auteur auteurs autores autore autori primaryauthor authortext writer schrijver forfatter forfattare
    autorinnen autorenautorinnen urheber mainauthor author1 autor1 auteur1 autore1 contributor by ecrivain auteurrice
    auteurices scrittore autorei autorname nameofauthor`),
  moreContributors:
    words(`additionalauthors secondaryauthor secondaryauthors coauthors coauthor illustrator illustrators
    illustrateur illustratore translator translators ubersetzer traducteur traductor traduttore vertaler herausgeber narrator
    traductrice ilustrador ilustradora hrsg sprecher editors`),
  moreRoles: words('secondaryauthorroles additionalauthorroles'),
  publisher:
    words(`publisher publishername imprint verlag verlagsname editeur editorial editorialname editore casaeditrice
    uitgever uitgeverij forlag vendor brand brands
    publishedby editora uitgevers maisondedition wydawnictwo wydawca`),
  publication: words('publication'),
  publishedOn:
    words(`publishedon publicationdate published pubdate publishdate datepublished yearpublished publicationyear
    releasedate erscheinungsdatum erscheinungsjahr erscheinungstermin erschienen datedeparution dateparution
    datedepublication anneedeparution fechadepublicacion fechapublicacion anodepublicacion datadipubblicazione
    annodipubblicazione datapubblicazione verschijningsdatum year jahr annee ano anno date originalpublicationyear
    originalpublicationdate
    publisheddate dateofpublication pubyear yearofpublication erschienenam anneeparution fechadeedicion
    fechaedicion datauscita datadiuscita jaarvanuitgave jaar
    erschdatum erschtermin erschjahr datadepublicacao rokwydania`),
  language: words(
    'language languagecode lang languages sprache sprachen langue langues idioma idiomas lingua taal sprak jezyk',
  ),
  format:
    words(`format binding bindingtype einband einbandart bindung ausstattung produktform reliure encuadernacion
    formato rilegatura legatura media mediatype
    bindwijze uitvoering`),
  description:
    words(`description longdescription productdescription blurb synopsis annotation bodyhtml beschreibung
    klappentext kurzbeschreibung inhalt resume quatriemedecouverture descripcion sinopsis resumen descrizione trama
    beschrijving comments shortdescription
    omschrijving samenvatting riassunto zusammenfassung summary presentation presentacion`),
  subjects:
    words(`subjects subject categories category genres genre keywords tags productcategory kategorie kategorien
    themen thema schlagworte warengruppe sachgruppe categorie themes theme categoria categorias materia materias tema temas
    genere generi argomento rubriek
    schlagworter stichworte stichworter motscles palabrasclave parolechiave trefwoorden sujet sujets rubrique rubriques
    etiquettes etiquetas genero generos onderwerp`),
  price:
    words(`price listprice retailprice regularprice rrp srp msrp uvp rsp coverprice sellingprice variantprice
    consumerprice recommendedretailprice suggestedretailprice priceincltax preis ladenpreis verkaufspreis verkaufspreise
    vkpreis vk preisuvp endpreis prix prixpublic prixdevente prixvente prixpublicttc precio pvp precioventa preciodeventa
    preciopublico preciofinal prezzo prezzodicopertina prezzocopertina prezzoalpubblico prezzodilistino bruttopreis gebundenerladenpreis
    ladenpreisgebunden endverbraucherpreis prixediteur preciodeventaalpublico pricerrp publishersprice prijs verkoopprijs pris cena
    unitprice prixunitaire salesprice publisherprice currentprice fullprice retail regularerpreis normalpreis tarif
    tarifregulier precionormal precioregular regulareprijs reguliereprijs einzelpreis stuckpreis brutto
    preco precodevenda precodecapa`),
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
    unidades giacenza quantita voorraad aantal antal lager
    stuck stk stockdisponible inventario ejemplares copie magazzino disponibilita availablequantity availablestock
    verfugbarerbestand aantalinvoorraad`),
  pages: words(
    `pages numberofpages pagecount numpages seiten seitenzahl seitenanzahl nombredepages nbpages nbdepages paginas numerodepaginas nºdepaginas nodepaginas numeropagine numerodipagine
    pagine aantalpaginas
    noofpages nofpages umfang`,
  ),
  originalTitle: words(
    'originaltitle originaltitel titreoriginal titulooriginal titolooriginale oorspronkelijketitel titleoriginal',
  ),
  seriesNumber: words(
    'seriesindex seriesnumber numberinseries bandnummer bandnr tome volumenumber reihennummer tomo numeroinserie',
  ),
  series: words(`series seriestitle reihe serie collana coleccion
    seriesname seriename reeks collection serientitel`),
}
