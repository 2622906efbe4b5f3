/** What a person did, by the words that catalogues write after a name, in the shop's languages and short. */
const words: Readonly<Record<string, string>> = {
  author:
    'author authors autor autorin autoren autora auteur auteure auteurs autore autrice aut verf verfasser',
  editor:
    'ed eds editor editors edited hg hrsg herausgeber herausgeberin herausgegeben dir curatore curatrice cur red redacteur redactie coord',
  translator:
    'tr trans transl translator translated ubers ubersetzer ubersetzerin ubersetzung ubersetzt trad traducteur traductrice traductor traductora traduttore traduttrice traducido vert vertaler vertaald',
  illustrator:
    'ill ills illus illustr ilus illustrator illustratorin illustrated illustrations illustrateur illustratrice ilustrador ilustradora illustratore',
  narrator:
    'narr narrator narrated sprecher sprecherin erzahler narrateur narratrice narrador narratore verteller',
  photographer: 'photographer photos fotograf fotografin photographe fotografo fotografa',
  foreword: 'foreword vorwort preface prefacio prefazione voorwoord',
}
const roles: ReadonlyMap<string, string> = new Map(
  Object.entries(words).flatMap(([role, list]) =>
    list.split(' ').map((word): [string, string] => [word, role]),
  ),
)

/** `Hrsg.` is an editor, `Translated by` a translator; other words are the role as they are. */
export function readRole(text: string): string {
  const given = text.trim().toLowerCase()
  const plain = given
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/ (?:by|von|par|por|da|door)$/, '')
    .replace(/[.\s]+$/, '')
  return roles.get(plain) ?? given
}
