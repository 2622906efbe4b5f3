import { Problem } from '#kernel/problem'
import type { Clock } from '#ports/clock'
import { isFresh, type ServiceClient } from '#ports/http'
import type { ConsoleHost } from '../console-host.ts'
import { decoded, type Exchange, sendProblem } from '../proxy/exchange.ts'
import { ownHeaders } from '../proxy/own-headers.ts'
import { createDrops } from './drops.ts'
import { contentPolicy, pageHeaders } from './page-headers.ts'
import { shopPageFinder } from './shop-pages.ts'
import {
  type Encoding,
  encodedBytes,
  openStaticFolder,
  type StaticFile,
  type StaticFolder,
} from './static-files.ts'

export type PageRoots = { site: string; shop: string; docs: string }
export type Pages = {
  /** Answers anything that is not the API: pages, their parts, and a readable 404. */
  serve(exchange: Exchange): Promise<void>
}
export type PagesOptions = {
  roots: PageRoots
  client: ServiceClient
  clock: Clock
  consoleHost: ConsoleHost | undefined
}

type Lookup = { folder: StaticFolder; paths: string[]; redirect?: string; isShop?: boolean }

/** The website at `/`, the shop and the console as one page with a history of its own, the API reference at `/docs`. */
export function createPages({ roots, client, clock, consoleHost }: PagesOptions): Pages {
  const [drops, isShopPage, nowMs] = [createDrops(client, clock), shopPageFinder(client), clock.monotonicMs]
  const site = openStaticFolder(roots.site, nowMs)
  const shop = openStaticFolder(roots.shop, nowMs)
  const docs = openStaticFolder(roots.docs, nowMs)
  const lookup = (path: string): Lookup => {
    if (path === '/shop' || path === '/console') return { folder: shop, paths: [], redirect: `${path}/` }
    const inShop = /^\/(?:shop|console)\/(.*)$/s.exec(path)?.[1]
    if (inShop !== undefined && hasExtension(inShop)) return { folder: shop, paths: [inShop] }
    if (inShop !== undefined) return { folder: shop, paths: ['index.html'], isShop: true }
    if (path === '/docs' || path === '/docs/') return { folder: docs, paths: ['index.html'] }
    if (path.startsWith('/docs/')) return { folder: docs, paths: [path.slice('/docs/'.length)] }
    if (path === '/openapi.json' || path === '/postman.json') return { folder: docs, paths: [path.slice(1)] }
    const page = path.slice(1).replace(/\/$/, '')
    if (hasExtension(page)) return { folder: site, paths: [page] }
    return { folder: site, paths: page === '' ? ['index.html'] : [`${page}/index.html`, `${page}.html`] }
  }
  return {
    async serve(exchange) {
      const { request, path } = exchange
      exchange.label = 'pages'
      if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod()
      const asked = decoded(path)
      const elsewhere = consoleHost?.elsewhere(request, asked, exchange.target)
      if (elsewhere !== undefined) return sendRedirect(exchange, elsewhere)
      const { folder, paths, redirect, isShop } = lookup(asked)
      if (redirect !== undefined) return sendRedirect(exchange, redirect + exchange.target.slice(path.length))
      for (const candidate of paths) {
        const file = await folder.read(candidate)
        if (file === undefined) continue
        // The shop says itself what is not there; programs and search engines go by the status.
        const status = isShop && !(await isShopPage(asked)) ? 404 : 200
        return sendFile(exchange, status, await drops.fill(file))
      }
      if ((await folder.read('index.html')) === undefined) return sendNotBuilt(exchange)
      const page = request.headers.accept?.includes('text/html') ? await site.read('404.html') : undefined
      if (page === undefined) throw new Problem(404, 'not-found', 'There is no such address.')
      return sendFile(exchange, 404, page)
    },
  }
}

const wrongMethod = () =>
  new Problem(405, 'method-not-allowed', 'Pages can only be read.', {}, { allow: 'GET, HEAD' })

const hasExtension = (path: string) => /\.\w{1,12}$/.test(path)

function sendRedirect(exchange: Exchange, location: string): void {
  const { response } = exchange
  response.writeHead(308, [
    ...ownHeaders(exchange),
    ...['location', location, 'content-length', '0', 'cache-control', 'no-cache'],
  ])
  response.end()
}

async function sendFile(exchange: Exchange, status: number, file: StaticFile): Promise<void> {
  const { request, response } = exchange
  const { bytes, encoding } = await bestEncoding(file, request.headers['accept-encoding'])
  const etag = `"${file.tag}${encoding === undefined ? '' : `-${encoding}`}"`
  const headers = [
    ...ownHeaders(exchange, contentPolicy(file)),
    ...pageHeaders,
    ...['content-type', file.mediaType, 'cache-control', cachingOf(file)],
    ...['etag', etag, 'vary', 'accept-encoding'],
  ]
  if (response.destroyed) return
  if (status === 200 && isKnown(request.headers['if-none-match'], file.tag)) {
    response.writeHead(304, headers)
    response.end()
    return
  }
  if (encoding !== undefined) headers.push('content-encoding', encoding)
  headers.push('content-length', String(bytes.length))
  response.writeHead(status, headers)
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

function cachingOf(file: StaticFile): string {
  if (file.isImmutable) return 'public, max-age=31536000, immutable'
  return /html|json/.test(file.mediaType) ? 'no-cache' : 'public, max-age=3600'
}

/** Whoever says more about encodings than this is not understood in full. */
const acceptCharactersMax = 500

type Encoded = { bytes: Buffer; encoding?: Encoding }

/** Brotli, else gzip, where the caller takes it. Source: RFC 9110 section 12.5.3. */
async function bestEncoding(file: StaticFile, accept: string | string[] | undefined): Promise<Encoded> {
  const taken = encodingsTaken(String(accept ?? '').slice(0, acceptCharactersMax))
  for (const encoding of ['br', 'gzip'] as const) {
    if (!taken.includes(encoding)) continue
    const bytes = await encodedBytes(file, encoding)
    if (bytes !== undefined) return { bytes, encoding }
  }
  return { bytes: file.bytes }
}

/** The encodings that are named, but not by a quality of zero. */
function encodingsTaken(accept: string): string[] {
  return accept
    .toLowerCase()
    .split(',')
    .flatMap((each) => {
      const [name = '', ...parameters] = each.split(';').map((part) => part.trim())
      const quality = parameters.find((part) => part.startsWith('q='))?.slice(2) ?? '1'
      return Number(quality) > 0 ? [name] : []
    })
}

/** Whether the caller has this very content, in whatever encoding. */
function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  return ['', '-br', '-gzip'].some((suffix) => isFresh(ifNoneMatch, `"${tag}${suffix}"`))
}

function sendNotBuilt(exchange: Exchange): void {
  const detail =
    'This page has not been built yet: run `npm run build`, then reload. The API under /api works without it.'
  sendProblem(exchange, new Problem(503, 'not-built', detail, {}, { 'retry-after': '10' }))
}
