// run-main.mjs MODULE [arguments]: runs a module's `main(args)` and ends with the exit code that it returns.
import { pathToFileURL } from 'node:url'

const [path = '', ...args] = process.argv.slice(2)
const { main } = await import(pathToFileURL(path).href)
process.exit(await main(args))
