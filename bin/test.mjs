// npm test [-- FILE-OR-FOLDER …]: every *.test.ts, first those that may share the machine, then one at a time those
// that start whole stores, measure time or drive a browser.
import { readdirSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { run as runTests } from 'node:test'
import { spec } from 'node:test/reporters'
import { buildPages } from './build-pages.mjs'
import { findChromium } from './find-chromium.mjs'
import { root, SetUpError, withSetUpLock } from './set-up.mjs'

const folders = ['src', 'web', 'test', 'bench', 'deploy']
/** These have the machine to themselves. */
const alone = ['test/api', 'test/faults', 'test/journeys', 'test/clusters']
/** These need a Kubernetes control plane: npm run test:clusters. */
const onlyWhenAsked = 'test/clusters/'
const sideBySide = 2
const testLimitMs = 5 * 60_000

/** @returns 0 when there were tests and all of them pass */
export async function main(args) {
  const files = select(args)
  if (files.some((file) => file.startsWith('test/journeys'))) process.env.CHROMIUM = await findChromium()
  if (files.some(isAlone)) await withSetUpLock(() => buildPages())
  process.env.NODE_ENV = 'test'
  const phases = [
    { files: files.filter((file) => !isAlone(file)), concurrency: sideBySide },
    { files: files.filter(isAlone), concurrency: 1 },
  ]
  const { holdTestServer } = await import('../test/support/database.ts')
  const release = process.env.OCTAVO_TEST_POSTGRES ? () => {} : await holdTestServer()
  const totals = new Map()
  const report = Readable.from(events(phases, totals)).compose(new spec())
  for await (const text of report) process.stdout.write(text)
  release()
  const count = (name) => totals.get(name) ?? 0
  return count('tests') > 0 && count('fail') + count('cancelled') === 0 ? 0 : 1
}

/** The events of all phases as one run: each phase's closing figures are added up and come once, at the end. */
async function* events(phases, totals) {
  for (const { files, concurrency } of phases.filter((phase) => phase.files.length > 0)) {
    const paths = files.map((file) => join(root, file))
    for await (const event of runTests({ files: paths, concurrency, timeout: testLimitMs, cwd: root })) {
      const figure = event.type === 'test:diagnostic' && event.data.nesting === 0 && readFigure(event.data)
      if (figure) totals.set(figure.name, (totals.get(figure.name) ?? 0) + figure.value)
      else yield event
    }
  }
  for (const [name, value] of totals)
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}`, level: 'info' } }
}

function readFigure({ message, file }) {
  const match = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(message)
  return match && file === undefined ? { name: match[1], value: Number(match[2]) } : undefined
}

function select(args) {
  const all = folders.flatMap(testFiles)
  if (args.length === 0) return all.filter((file) => !file.startsWith(onlyWhenAsked))
  const files = args.flatMap((arg) => {
    const wanted = relative(root, resolve(arg))
    const matching = all.filter((file) => file === wanted || file.startsWith(`${wanted}/`))
    if (matching.length === 0) throw new SetUpError(`there is no test in ${arg}`)
    return matching
  })
  return [...new Set(files)]
}

function testFiles(folder) {
  const path = join(root, folder)
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => a.name.localeCompare(b.name))
    .flatMap((entry) => {
      if (entry.isDirectory())
        return ['node_modules', 'dist'].includes(entry.name) ? [] : testFiles(`${folder}/${entry.name}`)
      return entry.name.endsWith('.test.ts') ? [`${folder}/${entry.name}`] : []
    })
}

function isAlone(file) {
  return alone.some((folder) => file.startsWith(`${folder}/`))
}
