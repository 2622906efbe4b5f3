import { type DatabaseOptions, migrate, openDatabase, openReads, startOutboxRelay } from '#ports/database'
import { readsOf } from './book-reads.ts'
import type { CatalogStore, StoreOptions } from './catalog-store.ts'
import type { Dialect } from './dialect.ts'

/** Each dialect by the scheme of its URLs, loaded when it is chosen. */
const dialects: Readonly<Record<string, () => Promise<{ dialect: Dialect }>>> = {
  postgres: () => import('./postgres/dialect.ts'),
  mariadb: () => import('./mariadb/dialect.ts'),
}
const otherNames: Readonly<Record<string, string>> = { postgresql: 'postgres', mysql: 'mariadb' }

/** Opens BookDb; connections are made when they are first needed. @throws Error naming the schemes there are */
export async function openStore(url: string, options: StoreOptions): Promise<CatalogStore> {
  const dialect = await dialectOf(url)
  const { applicationName, connectionsMax = 8, statementTimeoutMs, lockTimeoutMs } = options
  await using opened = new AsyncDisposableStack()
  const open = async (name: string, more: Omit<DatabaseOptions, 'applicationName'>) => {
    const bounds = statementTimeoutMs === undefined ? {} : { statementTimeoutMs }
    return opened.use(await openDatabase(url, { applicationName: name, ...bounds, ...more }))
  }
  const database = await open(applicationName, { connectionsMax })
  // Connections of its own: no search keeps a sale waiting, and its few statements are planned once.
  const stock = await open(`${applicationName}-stock`, {
    ...{ connectionsMax: 4, planOnce: true },
    ...(lockTimeoutMs !== undefined && { lockTimeoutMs }),
  })
  // And so have the ends of transactions, which those who prepare may be waiting for.
  const finishing = await open(`${applicationName}-finishing`, { connectionsMax: 2 })
  const reads = opened.use(await openReads(url, database, { applicationName: `${applicationName}-reads` }))
  const resources = opened.move()
  const books = dialect.books(database)
  const schema = { database, name: dialect.schemaName(url), folder: dialect.migrationsFolder }
  return {
    stock: dialect.stock(stock, finishing.prepared),
    books,
    reads: readsOf(reads, books, dialect.bookReader),
    imports: dialect.imports(database),
    pictures: dialect.pictures(database),
    misses: dialect.misses(database),
    audit: dialect.audit(database),
    transfer: dialect.transfer(database),
    schema,
    async migrate() {
      await migrate(database, schema.folder, schema.name)
    },
    isReady: () =>
      database.query('SELECT 1').then(
        () => true,
        // That it is not is the answer.
        () => false,
      ),
    carryNews: (broker, clock) => startOutboxRelay({ database, schema: schema.name, broker, clock }),
    hearOfOthers: (clock, heard) => dialect.hearOfOthers({ database, url, applicationName }, clock, heard),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
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
  return (await load()).dialect
}
