import { posix } from 'node:path'
import ts from 'typescript'

/** Of a function itself: functions inside it count for themselves. */
export const functionLinesMax = 70

export function functionComplaints(path: string, source: string): string[] {
  const file = parse(path, source)
  const found: string[] = []
  visit(file, (node) => {
    if (!isWithBody(node) || ownLines(file, node) <= functionLinesMax) return
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
    found.push(`${path}:${line + 1} has a function of ${ownLines(file, node)} lines`)
  })
  return found
}

const isWithBody = (node: ts.Node) => ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

/** Lines of a function without those of the functions inside it. */
function ownLines(file: ts.SourceFile, node: ts.Node): number {
  const rows = (of: ts.Node) =>
    file.getLineAndCharacterOfPosition(of.end).line -
    file.getLineAndCharacterOfPosition(of.getStart(file)).line
  let lines = rows(node) + 1
  const look = (inner: ts.Node) => {
    if (isWithBody(inner)) lines -= rows(inner)
    else ts.forEachChild(inner, look)
  }
  ts.forEachChild(node, look)
  return lines
}

/** @param sources by path; imports of all kinds count, for a type as well, and such as are made later */
export function circleComplaints(sources: ReadonlyMap<string, string>): string[] {
  const needs = new Map(
    [...sources].map(([path, source]) => [
      path,
      importsOf(path, source).map((specifier) => targetOf(path, specifier)),
    ]),
  )
  const found = new Set<string>()
  const done = new Set<string>()
  const follow = (path: string, way: readonly string[]) => {
    if (way.includes(path)) found.add([...way.slice(way.indexOf(path)), path].join(' → '))
    else if (!done.has(path)) {
      for (const next of needs.get(path) ?? []) follow(next, [...way, path])
      done.add(path)
    }
  }
  for (const path of needs.keys()) follow(path, [])
  return [...found]
}

/** What stands behind each kind of door. */
const doors: Readonly<Record<string, string>> = {
  kernel: '.ts',
  ports: '/port.ts',
  process: '.ts',
  services: '/contract.ts',
}

function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier)
  const [, kind = '', name] = /^#(\w+)(?:\/(.+))?$/.exec(specifier) ?? []
  if (kind !== '' && name === undefined) return `src/${kind}.ts`
  return kind in doors ? `src/${kind}/${name}${doors[kind]}` : specifier
}

export function importsOf(path: string, source: string): string[] {
  const found: string[] = []
  visit(parse(path, source), (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier))
        found.push(node.moduleSpecifier.text)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [first] = node.arguments
      if (first && ts.isStringLiteral(first)) found.push(first.text)
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) found.push(node.argument.literal.text)
    }
  })
  return found
}

export function parse(path: string, source: string): ts.SourceFile {
  const scripts = /<script[^>]*>\n?([\s\S]*?)<\/script>/g
  const text = path.endsWith('.vue')
    ? [...source.matchAll(scripts)].map((match) => match[1]).join('\n')
    : source
  return ts.createSourceFile(`${path}.ts`, text, ts.ScriptTarget.ESNext, true)
}

export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  ts.forEachChild(node, (child) => visit(child, look))
}
