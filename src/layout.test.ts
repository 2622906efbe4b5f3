import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import {
  circleComplaints,
  functionComplaints,
  functionLinesMax,
  importsOf,
  parse,
  visit,
} from '../test/support/source-shape.ts'

const root = dirname(import.meta.dirname)
const linesMax = 300
const pureLibraries = ['node:crypto', 'typebox']
const vagueNames = ['utils', 'util', 'helpers', 'helper', 'manager', 'common', 'misc']

test('imports across folders go through the doors', () => {
  assert.deepEqual(complaints(isTypeScript, importComplaints), [])
})

test('the source uses only what Node can strip and the style allows', () => {
  assert.deepEqual(complaints(isTypeScript, syntaxComplaints), [])
})

test('files are short enough to read in one go', () => {
  assert.deepEqual(complaints(isSource, sizeComplaints), [])
})

test('functions are short enough to be held in the head', () => {
  assert.deepEqual(complaints(isSource, functionComplaints), [])
})

test('no file needs itself, in whatever round-about way', () => {
  const sources = sourceFiles()
    .filter((path) => /^(src|web)\//.test(path))
    .map((path): [string, string] => [path, read(path)])
  assert.deepEqual(circleComplaints(new Map(sources)), [])
})

test('names are lower-case words joined by hyphens, and say what is inside', () => {
  assert.deepEqual(
    sourceFiles().flatMap((path) => nameComplaints(path)),
    [],
  )
})

test('every command that the documentation shows exists', () => {
  assert.ok(existsSync(join(root, 'README.md')), 'there is a README.md')
  const { scripts } = readPackage()
  const commands = readdirSync(join(root, 'src', 'commands')).map((file) => file.replace(/\.ts$/, ''))
  const pages = filesIn('.', (path) => path.endsWith('.md'))
  assert.deepEqual(
    pages.flatMap((path) => commandComplaints(path, read(path), Object.keys(scripts), commands)),
    [],
  )
})

test('dependencies are pinned to exact versions', () => {
  const { dependencies, devDependencies } = readPackage()
  assert.deepEqual(versionComplaints({ ...dependencies, ...devDependencies }), [])
})

const longFunction = `function f() {${'\n'.repeat(functionLinesMax + 1)}}`
/** One port's type needs another, whose door opens the first one's adapter later on. */
const roundAbout: [string, string][] = [
  ['src/ports/a/port.ts', `export const open = () => import('../b/b.ts')`],
  ['src/ports/b/b.ts', `import type { B } from './port.ts'`],
  ['src/ports/b/port.ts', `export type { A } from '#ports/a'`],
]

test('each rule notices what it forbids', () => {
  const inService = 'src/services/orders/place.ts'
  const notices = (found: string[], what: RegExp) => assert.match(found.join('\n'), what)
  notices(importComplaints(inService, `import { x } from '../catalog/book.ts'`), /leaves its folder/)
  notices(importComplaints(inService, `await import('../catalog/service.ts')`), /leaves its folder/)
  notices(importComplaints(inService, `import { x } from '#services/catalog/book'`), /no such door/)
  notices(
    importComplaints('src/local/topology.ts', `import '../services/catalog/book.ts'`),
    /leaves its folder/,
  )
  notices(importComplaints('src/services/a/b.test.ts', `import '../catalog/book.ts'`), /leaves its folder/)
  notices(importComplaints(inService, `import '../../../test/support/until.ts'`), /leaves its folder/)
  notices(
    importComplaints('src/ports/mail/port.ts', `export * from '#services/orders'`),
    /ports know no service/,
  )
  notices(importComplaints('src/ports/mail/port.ts', `import '#roles'`), /ports know no service/)
  notices(importComplaints('src/kernel/money.ts', `import '#ports/clock'`), /kernel/)
  notices(importComplaints('src/kernel/money.ts', `import pg from 'pg'`), /kernel/)
  notices(importComplaints(inService, `import { request } from 'undici'`), /connections/)
  notices(importComplaints('src/kernel/money.ts', `type A = import('node:fs').Stats`), /kernel/)
  notices(syntaxComplaints(inService, 'enum A { B }'), /enum/)
  notices(syntaxComplaints(inService, 'namespace A { export const b = 1 }'), /namespace/)
  notices(syntaxComplaints(inService, 'export default 1'), /default export/)
  notices(syntaxComplaints(inService, 'export default function f() {}'), /default export/)
  notices(syntaxComplaints(inService, 'let a: Map<string, any>'), /any/)
  notices(syntaxComplaints(inService, 'class A { constructor(private b: string) {} }'), /parameter property/)
  notices(syntaxComplaints(inService, 'process.exit(1)'), /process\.exit/)
  notices(syntaxComplaints(inService, 'export interface IOrder { id: string }'), /prefix/)
  notices(
    importComplaints('web/shop/src/a.vue', `<script setup lang="ts">\nimport '../../site/b.ts'\n</script>`),
    /leaves/,
  )
  notices(sizeComplaints(inService, '\n'.repeat(linesMax + 1)), /lines/)
  notices(functionComplaints(inService, longFunction), /place.ts:1 has a function of 72 lines/)
  notices(circleComplaints(new Map(roundAbout)), /a\/port.ts → .*b\/b.ts → .*b\/port.ts → .*a\/port.ts/)
  const byTheList: [string, string][] = [
    ['src/roles.ts', `export const open = () => import('./services/a/service.ts')`],
    ['src/services/a/service.ts', `import { roles } from '#roles'`],
  ]
  notices(circleComplaints(new Map(byTheList)), /src\/roles.ts → .*service.ts → src\/roles.ts/)
  notices(nameComplaints('src/kernel/MoneyUtils.ts'), /hyphens/)
  notices(nameComplaints('src/kernel/utils.ts'), /says nothing/)
  const shown = '```sh\nnpm run fly\noctavo swim --far\n```'
  notices(commandComplaints('README.md', shown, ['start'], ['serve']), /npm run fly[\s\S]*octavo swim/)
  notices(versionComplaints({ pg: '^8.0.0' }), /pg/)
})

test('no rule forbids what is allowed', () => {
  const inPorts = 'src/ports/a/a.ts'
  const allowed = `import { a } from '#kernel/money'\nimport { b } from '#ports/clock'\nimport { c } from './place.ts'`
  assert.deepEqual(importComplaints('src/services/orders/reserve.ts', allowed), [])
  const command = `import { createCatalog } from '../services/catalog/service.ts'\nimport { d } from '../local/running.ts'`
  assert.deepEqual(importComplaints('src/commands/import.ts', command), [])
  const parted = `function f() {\n  function g() {${'\n'.repeat(functionLinesMax - 1)}}\n}`
  assert.deepEqual(functionComplaints(inPorts, parted), [])
  assert.deepEqual(circleComplaints(new Map(roundAbout.slice(0, 2))), [])
  assert.deepEqual(
    syntaxComplaints('src/kernel/a.ts', 'export const any = "enum namespace process.exit"'),
    [],
  )
  const shown =
    '```sh\nnpm start -- --demo off\nOCTAVO_PORT=9 npm test -- src/kernel\nnpx octavo serve catalog\n```'
  assert.deepEqual(commandComplaints('README.md', shown, ['start', 'test'], ['serve']), [])
})

/** The folder whose files may import each other by path. */
function homeOf(path: string): string {
  const [top = '', area = '', name = ''] = path.split('/')
  if (top !== 'src') return top === 'web' ? `web/${area}` : top
  if (area === 'services' || area === 'ports') return `src/${area}/${name}`
  return area.includes('.') ? 'src' : `src/${area}`
}

function importComplaints(path: string, source: string): string[] {
  return importsOf(path, source).flatMap((specifier) => {
    const why = specifier.startsWith('.')
      ? relativeComplaint(path, specifier)
      : doorComplaint(path, specifier)
    return why === undefined ? [] : [`${path} imports ${specifier}: ${why}`]
  })
}

function relativeComplaint(path: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(path), specifier)
  const [from, to] = [homeOf(path), homeOf(target)]
  if (from === to || ['test', 'bench', 'deploy'].includes(from)) return undefined
  // A command is a service's own tool, and may use what its service is made of.
  if (from === 'src/commands' && /^src\/(services\/|docs$|local$)/.test(to)) return undefined
  if (to === 'src/process' && ['src', 'src/commands', 'src/local'].includes(from)) return undefined
  const isTest = isForTests(path)
  if (isTest && target.startsWith('test/support/')) return undefined
  const knowsServices = ['src', 'src/commands', 'src/local'].includes(from) || isTest
  if (path === 'src/commands/serve.ts' && to === 'src/local') return 'only src/local knows of a laptop'
  if (knowsServices && (to === 'src/local' || to === 'src/commands')) return undefined
  if (knowsServices && /^src\/services\/[^/]+\/(service|migrations)\.ts$/.test(target)) return undefined
  return 'it leaves its folder; use a door'
}

function doorComplaint(path: string, specifier: string): string | undefined {
  const home = homeOf(path)
  const isTest = isForTests(path)
  if (
    specifier.startsWith('#') &&
    !/^#(config|roles|(kernel|ports|services|process)\/[a-z0-9-]+)$/.test(specifier)
  )
    return specifier.startsWith('#build/') && home.startsWith('web/') ? undefined : 'there is no such door'
  if (isTest) return undefined
  if (specifier === 'undici' && home.startsWith('src') && home !== 'src/ports/connections')
    return 'all of undici is loaded by that; use #ports/connections'
  if (home === 'src/kernel' && !specifier.startsWith('#kernel/') && !pureLibraries.includes(specifier))
    return 'the kernel knows nothing but itself and pure libraries'
  if (home.startsWith('src/ports/') && /^#(services|process)\/|^#roles$/.test(specifier))
    return 'ports know no service'
  return undefined
}

function isForTests(path: string): boolean {
  return path.endsWith('.test.ts')
}

function syntaxComplaints(path: string, source: string): string[] {
  const file = parse(path, source)
  const lines = file.text.split('\n')
  const found: string[] = []
  visit(file, (node) => {
    const what = forbidden(node, path)
    if (what === undefined) return
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
    // The linter knows this exception, with its reason.
    const isExcused = lines[line - 1]?.includes('biome-ignore lint/suspicious/noExplicitAny: ')
    if (what !== 'the type any' || !isExcused) found.push(`${path}:${line + 1} has ${what}`)
  })
  return found
}

function forbidden(node: ts.Node, path: string): string | undefined {
  if (ts.isEnumDeclaration(node)) return 'an enum'
  // `declare module 'x'` adds types to a package and leaves nothing behind.
  if (ts.isModuleDeclaration(node) && ts.isIdentifier(node.name) && node.name.text !== 'global')
    return 'a namespace'
  if (ts.isDecorator(node)) return 'a decorator'
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'the type any'
  if (ts.isParameter(node) && node.modifiers?.some((modifier) => !ts.isDecorator(modifier)))
    return 'a parameter property'
  if (ts.isInterfaceDeclaration(node) && /^I[A-Z]/.test(node.name.text))
    return `the prefix I on ${node.name.text}`
  const inSource = path.startsWith('src/')
  const isDefault = ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword
  if (inSource && isDefault && !(node.parent && ts.isDefaultClause(node.parent))) return 'a default export'
  const mayExit = !/^src\/(services|ports|kernel)\//.test(path)
  if (!mayExit && ts.isPropertyAccessExpression(node) && node.getText() === 'process.exit')
    return 'process.exit'
  return undefined
}

function sizeComplaints(path: string, source: string): string[] {
  return linesOf(source) <= linesMax ? [] : [`${path} has ${linesOf(source)} lines`]
}

const linesOf = (source: string) => source.split('\n').length - 1

function nameComplaints(path: string): string[] {
  const words = /^[[a-z0-9]+([-.][a-z0-9\]]+)*$/
  const isWell = path.split('/').every((part) => words.test(part))
  const name = basename(path).split('.')[0] ?? ''
  if (!isWell) return [`${path}: not lower-case words joined by hyphens`]
  return vagueNames.includes(name) ? [`${path}: "${name}" says nothing`] : []
}

/** Commands in code blocks: `npm start`, `npm run NAME`, `octavo NAME`, also after settings and other commands. */
function commandComplaints(path: string, text: string, scripts: string[], commands: string[]): string[] {
  const blocks = [...text.matchAll(/```(?:sh|bash|console|shell)?\n([\s\S]*?)```/g)].map(
    (match) => match[1] ?? '',
  )
  const known = (verb: string) => scripts.includes(verb) || ['ci', 'install'].includes(verb)
  return blocks
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => {
      const npm = /(?:^|[\s;&])npm (?:run )?([a-z][\w:-]*)/.exec(line.replace(/#.*/, ''))?.[1]
      const octavo = /(?:^|[\s;&/])octavo ([a-z][\w-]*)/.exec(line.replace(/#.*/, ''))?.[1]
      const isKnown = (!npm || known(npm)) && (!octavo || octavo === 'help' || commands.includes(octavo))
      return isKnown ? [] : [`${path} shows "${line.trim()}", which is no command`]
    })
}

function versionComplaints(dependencies: Readonly<Record<string, string>>): string[] {
  return Object.entries(dependencies)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name} is "${version}", not one version`)
}

function complaints(wanted: (path: string) => boolean, rule: (path: string, source: string) => string[]) {
  return sourceFiles()
    .filter(wanted)
    .flatMap((path) => rule(path, read(path)))
}

function sourceFiles(): string[] {
  return ['src', 'web', 'bin', 'test', 'bench'].flatMap((folder) => filesIn(folder, isSource))
}

const isSource = (path: string) => /\.(ts|mjs|vue|astro)$/.test(path)
const isTypeScript = (path: string) => /\.(ts|vue)$/.test(path)

function filesIn(folder: string, wanted: (path: string) => boolean): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`
    const isOurs =
      !['node_modules', 'dist', 'data', 'coverage'].includes(entry.name) && !entry.name.startsWith('.')
    if (entry.isDirectory()) return isOurs ? filesIn(path, wanted) : []
    return wanted(path) ? [path] : []
  })
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function readPackage(): Record<'scripts' | 'dependencies' | 'devDependencies', Record<string, string>> {
  return JSON.parse(read('package.json'))
}
