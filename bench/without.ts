import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { telemetryParts, tricks } from './tricks.ts'

// `node --import ./bench/without.ts …` with OCTAVO_WITHOUT=a,b runs the program as if these tricks had never been
// played: their lines are replaced by the plain ones while modules are read. The product itself has no switches.
const root = new URL('../', import.meta.url)
const names = (process.env.OCTAVO_WITHOUT ?? '').split(',').filter((name) => name !== '')
const changes = names.flatMap((name) => {
  const trick = { ...tricks, ...telemetryParts }[name]
  if (trick === undefined) throw new Error(`there is no trick "${name}"`)
  return trick.changes
})
for (const { file, from } of changes)
  if (!readFileSync(new URL(file, root), 'utf8').includes(from))
    throw new Error(`${file} no longer has: ${from}`)

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.startsWith('file:')) return loaded
    const path = relative(fileURLToPath(root), fileURLToPath(url))
    const own = changes.filter(({ file }) => file === path)
    if (own.length === 0) return loaded
    const plain = own.reduce((text, { from, to }) => text.replace(from, () => to), String(loaded.source))
    return { ...loaded, source: plain }
  },
})
