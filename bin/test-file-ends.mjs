// Loaded into the process of every test file: one that goes on when its tests are over, as after a failure that left
// something open, would keep the whole run waiting for ever. It is ended, which fails it, with what keeps it open.
import { relative } from 'node:path'
import { after } from 'node:test'
import { root } from './set-up.mjs'

/** Hooks at the end stop servers, which takes a while on a busy machine. */
const endWithinMs = 60_000
const limitMs = Number(process.env.OCTAVO_TEST_FILE_LIMIT_MS ?? Number.POSITIVE_INFINITY)

const giveUpAfter = (ms, what) => setTimeout(() => giveUp(what), ms).unref()

if (Number.isFinite(limitMs)) giveUpAfter(limitMs, `it has not ended within ${limitMs / 60_000} minutes`)
after(() =>
  giveUpAfter(endWithinMs, `its tests are over, and it has not ended within ${endWithinMs / 1000} s`),
)

function giveUp(what) {
  const open = Object.entries(Object.groupBy(process.getActiveResourcesInfo(), (name) => name))
  const said = open.map(([name, all]) => `${all.length} × ${name}`).join(', ')
  process.stderr.write(`${relative(root, process.argv[1] ?? '')}: ${what}; open: ${said}\n`)
  process.exit(1)
}
