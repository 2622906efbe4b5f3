import { join } from 'node:path'
import { version } from '#config'
import { writeDocs } from '../docs/write-docs.ts'

export const summary = 'write the API reference, openapi.json and postman.json into dist/docs'

export async function run(args: string[]): Promise<number> {
  if (args.length > 1) {
    console.error('usage: octavo docs [folder]')
    return 2
  }
  const folder = args[0] ?? join(import.meta.dirname, '..', '..', 'dist', 'docs')
  await writeDocs(folder, version)
  return 0
}
