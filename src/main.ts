import { readdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { describe } from './process/describe-error.ts'
import { runWithNodeOptions } from './process/run-with-node-options.ts'

/** One file in commands/ is one command. */
type Command = {
  summary: string
  /** Options of Node that it needs, such as how much memory is kept before it is cleared up. */
  nodeOptions?: readonly string[]
  run(args: string[]): Promise<number>
}

const folder = join(import.meta.dirname, 'commands')

/**
 * Runs `octavo <command> <arguments>`.
 * @returns the exit code: 0 done, 1 could not, 2 asked for the wrong way
 */
export async function main(args: readonly string[]): Promise<number> {
  // By environment, so that the processes this one starts share it: they start faster and need less memory.
  process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'node')
  enableCompileCache()
  const [name = 'help', ...rest] = args
  if (['help', '--help', '-h'].includes(name)) return help()
  if (!commandNames().includes(name)) {
    console.error(
      `octavo: there is no command "${name}". Commands: ${commandNames().join(', ')}; octavo help says more.`,
    )
    return 2
  }
  try {
    const command = await load(name)
    if (rest.includes('--help') || rest.includes('-h')) {
      console.log(`octavo ${name}: ${command.summary}`)
      return 0
    }
    const missing = command.nodeOptions?.filter((option) => !process.execArgv.includes(option)) ?? []
    if (missing.length > 0) return await runWithNodeOptions(missing, [import.meta.filename, ...args])
    return await command.run(rest)
  } catch (error) {
    if (isWrongArgument(error)) {
      console.error(`octavo ${name}: ${error.message} octavo ${name} --help says what it takes.`)
      return 2
    }
    console.error(`octavo ${name}: ${describe(error)}`)
    return 1
  }
}

/** What node:util's parseArgs throws when it is given something it was not told of. */
const isWrongArgument = (error: unknown): error is Error =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')

async function help(): Promise<number> {
  console.log('octavo <command>\n')
  const width = Math.max(...commandNames().map((name) => name.length))
  for (const name of commandNames()) console.log(`  ${name.padEnd(width)}  ${(await load(name)).summary}`)
  console.log('\nSettings are environment variables; README.md has the table.')
  return 0
}

function commandNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => file.slice(0, -3))
}

async function load(name: string): Promise<Command> {
  return (await import(`./commands/${name}.ts`)) as Command
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)))
