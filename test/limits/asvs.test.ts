import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const rows = readFileSync(join(root, 'docs', 'security', 'asvs.csv'), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map(fields)
const verdicts = ['met', 'partly', 'not met', 'operator', 'not applicable']

/** Requirements of levels 1 and 2 in each chapter of ASVS 5.0.0; of a chapter that is about nothing here one line says so. */
const requirements: Readonly<Record<string, number>> = {
  ...{
    1: 27,
    2: 11,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 7,
    9: 7,
    10: 1,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
    17: 1,
  },
}

test('every requirement of the standard’s level 2 has a line, once, with a verdict', () => {
  const counts: Record<string, number> = {}
  for (const { requirement, level, verdict } of rows) {
    assert.match(requirement, /^\d+(\.\d+\.\d+)?$/)
    assert.ok(['1', '2'].includes(level), requirement)
    assert.ok(verdicts.includes(verdict), `${requirement}: ${verdict}`)
    const [chapter = ''] = requirement.split('.')
    counts[chapter] = (counts[chapter] ?? 0) + 1
  }
  assert.deepEqual(counts, requirements)
  assert.equal(new Set(rows.map(({ requirement }) => requirement)).size, rows.length)
})

test('each line names tests that there are, or a reason', () => {
  const wrong = rows.flatMap(({ requirement, evidence }) =>
    evidence.flatMap((each) => faultOf(requirement, each)),
  )
  assert.deepEqual(wrong, [])
})

test('a test that there is not is noticed', () => {
  assert.equal(faultOf('1.1.1', 'test/limits/asvs.test.ts: no test is called this').length, 1)
  assert.equal(faultOf('1.1.1', 'test/limits/nowhere.test.ts: a test').length, 1)
  assert.equal(faultOf('1.1.1', 'reason:').length, 1)
  assert.deepEqual(faultOf('1.1.1', 'test/limits/asvs.test.ts: a test that there is not is noticed'), [])
})

type Row = { requirement: string; level: string; verdict: string; evidence: string[] }

function fields(line: string): Row {
  const cells = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = '']) =>
    cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
  )
  const [requirement = '', level = '', verdict = '', evidence = ''] = cells
  return { requirement, level, verdict, evidence: evidence.split(' | ') }
}

/** A test is named by its file and the beginning of its title. */
function faultOf(requirement: string, evidence: string): string[] {
  const [where = '', ...rest] = evidence.split(': ')
  const said = rest.join(': ').trim()
  if (where.startsWith('reason')) return said === '' ? [`${requirement}: no reason`] : []
  const path = join(root, where)
  if (said === '' || !existsSync(path)) return [`${requirement}: there is no ${evidence}`]
  const titles = readFileSync(path, 'utf8').matchAll(/test\(\s*[`'"]((?:\\.|[^\\])*?)[`'"],/g)
  const isThere = [...titles].some(([, title = '']) =>
    title
      .replace(/^\$\{[^}]*\}:? /, '')
      .replaceAll("\\'", "'")
      .startsWith(said),
  )
  return isThere ? [] : [`${requirement}: ${where} has no test "${said}"`]
}
