import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'
import { parse, visit } from '../test/support/source-shape.ts'

const folders = ['services', 'ports', 'kernel', 'process', 'local']

test('what goes wrong is told: by the log, or by a comment that says why not', () => {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => join(import.meta.dirname, folder, file)),
  )
  assert.ok(paths.length > 100)
  assert.deepEqual(
    paths.flatMap((path) => complaints(path, readFileSync(path, 'utf8'))),
    [],
  )
})

test('a bare console and a catch without a word are noticed', () => {
  const notices = (source: string, what: RegExp) => assert.match(complaints('a.ts', source).join('\n'), what)
  notices(`console.warn('x')`, /console/)
  notices('try { a() } catch {\n  b()\n}', /without a word/)
  notices('await a().catch(() => undefined)', /without a word/)
  notices('a().then(b, () => false)', /without a word/)
  notices("a.on('error', () => {})", /without a word/)
})

test('a silence that gives its reason is allowed, and so is an error that is looked at', () => {
  const said = 'try { a() } catch {\n  // It is gone already.\n}\n\n\n// Called off.\nb().catch(() => {})'
  assert.deepEqual(complaints('a.ts', said), [])
  assert.deepEqual(complaints('a.ts', 'try { a() } catch (error) {\n  tell(error)\n}'), [])
})

/** An error that is caught and not even named is a silence, which wants its reason beside it. */
function complaints(path: string, source: string): string[] {
  const file = parse(path, source)
  const lines = file.text.split('\n')
  const found: string[] = []
  visit(file, (node) => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
    const near = (of: ts.Node) => {
      const [from, to] = [of.getStart(file), of.getEnd()].map(
        (at) => file.getLineAndCharacterOfPosition(at).line,
      )
      return lines.slice(Math.max(0, (from ?? 0) - 2), (to ?? 0) + 3).join('\n')
    }
    const isConsole = ts.isPropertyAccessExpression(node) && node.expression.getText(file) === 'console'
    if (isConsole) found.push(`${path}:${line + 1} writes to the console; use #ports/log`)
    const silent = silenceOf(node, file)
    if (silent !== undefined && !`${near(node)}\n${near(silent)}`.includes('// '))
      found.push(`${path}:${line + 1} catches without a word: log it, or say in a comment why not`)
  })
  return found
}

/** What takes an error without a name for it, if this is where that is given. */
function silenceOf(node: ts.Node, file: ts.SourceFile): ts.Node | undefined {
  if (ts.isCatchClause(node)) return node.variableDeclaration === undefined ? node : undefined
  if (!ts.isPropertyAccessExpression(node) || !ts.isCallExpression(node.parent)) return undefined
  const handler = handlerOf(node.name.text, ...node.parent.arguments)
  return handler !== undefined && /^\(\) =>/.test(handler.getText(file)) ? handler : undefined
}

/** What is called with the error alone. */
function handlerOf(method: string, first?: ts.Expression, second?: ts.Expression): ts.Expression | undefined {
  if (method === 'catch') return first
  if (method === 'then') return second
  const isOfErrors = ['on', 'once'].includes(method) && first !== undefined && ts.isStringLiteral(first)
  return isOfErrors && first.text === 'error' ? second : undefined
}
