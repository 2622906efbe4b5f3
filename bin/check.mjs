// npm run check: format and lint, types of the servers and of the pages, and the layout of the source.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { octavoNode, root, say } from './set-up.mjs'

const checks = [
  { name: 'format and lint', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  { name: 'types of the servers', command: ['node_modules/typescript/bin/tsc', '-p', '.'] },
  {
    name: 'types of the pages',
    command: ['node_modules/vue-tsc/bin/vue-tsc.js', '--noEmit', '-p', 'web/shop'],
  },
  { name: 'layout', command: ['--test', '--test-reporter=dot', 'src/layout.test.ts'] },
]

/** @returns 0 when every check passes, else 1 */
export async function main() {
  const results = []
  // Two at a time: each keeps a core busy.
  const queue = [...checks]
  const work = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) results.push(await runCheck(check))
  }
  await Promise.all([work(), work()])
  const failed = results.filter((passed) => !passed).length
  say(failed === 0 ? 'All checks pass.' : `${failed} of ${results.length} checks failed.`)
  return failed === 0 ? 0 : 1
}

async function runCheck({ name, command }) {
  const startedMs = Date.now()
  const child = spawn(octavoNode, command.map(absolute), { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  const code = await new Promise((resolve) => child.once('close', resolve))
  say(`${code === 0 ? '✔' : '✖'} ${name} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`)
  if (code !== 0) say(output.trimEnd())
  return code === 0
}

function absolute(word) {
  return word.startsWith('node_modules/') ? join(root, word) : word
}
