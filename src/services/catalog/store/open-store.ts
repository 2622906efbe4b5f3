import type { CatalogStore, StoreOptions } from './catalog-store.ts'

/** What a dialect's `open.ts` has. */
type Dialect = {
  openStore(url: string, options: StoreOptions): Promise<CatalogStore>
  migrationsFolder: URL
  /** What its tables' schema is called in the database at an address. */
  schemaName(url: string): string
}

/** Each dialect by the scheme of its URLs, loaded when it is chosen. */
const dialects: Readonly<Record<string, () => Promise<Dialect>>> = {
  postgres: () => import('./postgres/open.ts'),
  mariadb: () => import('./mariadb/open.ts'),
}
const otherNames: Readonly<Record<string, string>> = { postgresql: 'postgres', mysql: 'mariadb' }

/** Opens BookDb; connections are made when they are first needed. @throws Error naming the schemes there are */
export async function openStore(url: string, options: StoreOptions): Promise<CatalogStore> {
  return await (await dialectOf(url)).openStore(url, options)
}

/** The folder of the migrations for the database at this URL. @throws Error naming the schemes there are */
export async function migrationsOf(url: string): Promise<URL> {
  return (await dialectOf(url)).migrationsFolder
}

/** The name of the schema of the tables in the database at this URL. @throws Error naming the schemes there are */
export async function schemaOf(url: string): Promise<string> {
  return (await dialectOf(url)).schemaName(url)
}

async function dialectOf(url: string): Promise<Dialect> {
  const scheme = url.split(':', 1)[0] ?? ''
  const load = dialects[otherNames[scheme] ?? scheme]
  if (load === undefined)
    throw new Error(`no store for books at "${scheme}:"; use ${Object.keys(dialects).join(':, ')}:`)
  return await load()
}
