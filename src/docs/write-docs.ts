import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openApi } from './openapi.ts'
import { postmanCollection } from './postman.ts'

const pageFiles = ['index.html', 'reference.css', 'reference.js']
const swaggerFiles = ['swagger-ui.css', 'swagger-ui-bundle.js']
const brandFiles = ['tokens.css', 'logo.svg']

/**
 * Writes the API reference into `folder`: `openapi.json`, `postman.json` and the page with everything it loads, so that
 * it works from the shop's own origin and offline.
 */
export async function writeDocs(folder: string, version: string): Promise<void> {
  const document = await openApi(version)
  await mkdir(folder, { recursive: true })
  await writeJson(join(folder, 'openapi.json'), document)
  await writeJson(join(folder, 'postman.json'), await postmanCollection(document))
  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  await copy(fileURLToPath(new URL('./page', import.meta.url)), folder, pageFiles)
  await copy(fileURLToPath(new URL('../../web/brand', import.meta.url)), folder, brandFiles)
  await copy(swagger, folder, swaggerFiles)
  await dropSourceMap(join(folder, 'swagger-ui.css'))
  await dropSourceMap(join(folder, 'swagger-ui-bundle.js'))
}

const writeJson = (path: string, value: unknown) => writeFile(path, `${JSON.stringify(value, null, 2)}\n`)

async function copy(from: string, to: string, files: readonly string[]): Promise<void> {
  await Promise.all(files.map((file) => cp(join(from, file), join(to, file))))
}

/** A browser's developer tools would ask for a map that is not there. */
async function dropSourceMap(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/\n?(\/\/|\/\*)# sourceMappingURL=[^\n]*/g, ''))
}
