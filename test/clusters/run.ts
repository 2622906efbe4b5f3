import { join } from 'node:path'
import { enterClusterNetwork } from './enter.ts'
import { prepareTools, ToolsUnavailable } from './tools.ts'

const say = (text: string) => console.log(text)

/**
 * `npm run test:clusters [-- FILE …]`: makes the tools that are not in the cache yet, and runs the tests of
 * test/clusters in a network of their own. `--prepare` stops before the tests.
 * @returns the exit code
 */
export async function main(args: string[]): Promise<number> {
  if (process.env.OCTAVO_CLUSTER_NETWORK === 'entered') return runTests(args)
  const files = args.length > 0 ? args : ['test/clusters']
  try {
    await prepareTools(say)
    if (args.includes('--prepare')) return 0
    const inside = enterClusterNetwork(process.execPath, [import.meta.filename, ...files])
    return await new Promise<number>((resolve) => inside.once('exit', (code) => resolve(code ?? 1)))
  } catch (error) {
    if (!(error instanceof ToolsUnavailable)) throw error
    console.error(`octavo: ${error.message}`)
    return 1
  }
}

async function runTests(files: string[]): Promise<number> {
  const path = join(import.meta.dirname, '..', '..', 'bin', 'test.mjs')
  const { main: run } = (await import(path)) as { main(args: string[]): Promise<number> }
  return run(files)
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)))
