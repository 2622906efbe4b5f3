import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { ownRules, runbookOf } from '../../src/services/gateway/system/own-rules.ts'

const root = join(import.meta.dirname, '..', '..')
const at = (...parts: string[]) => join(root, ...parts)
const rulesPath = at('deploy', 'chart', 'files', 'rules.yaml')

type Rule = {
  alert?: string
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}
const rules = (parse(readFileSync(rulesPath, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
)
const alerts = rules.filter((rule): rule is Rule & { alert: string } => rule.alert !== undefined)

/** @returns why there is nothing to check with; on a machine that must have everything this is a failure */
function missing(): string | false {
  const tools = ['/usr/bin/promtool', '/usr/bin/amtool'].filter((path) => !existsSync(path))
  if (tools.length === 0) return false
  assert.notEqual(process.env.CI, 'true', `there is no ${tools.join(', ')}`)
  return `there is no ${tools.join(', ')}: apt-get install prometheus prometheus-alertmanager`
}

function run(tool: 'promtool' | 'amtool', ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(`/usr/bin/${tool}`, args, { encoding: 'utf8' })
  return { status, said: stdout + stderr }
}

test('Prometheus takes its configuration and the rules', { skip: missing() }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-prometheus-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const each of ['monitoring/prometheus.yml', 'chart/files/rules.yaml'])
    cpSync(at('deploy', each), join(folder, each))
  writeFileSync(join(folder, 'monitoring', 'metrics-token'), 'a token')
  const checked = run('promtool', 'check', 'config', join(folder, 'monitoring', 'prometheus.yml'))
  assert.equal(checked.status, 0, checked.said)
  assert.match(checked.said, new RegExp(`${rules.length} rules found`))
})

test('each alert fires for what it is about, and none when all is well', { skip: missing() }, (t) => {
  const path = at('deploy', 'monitoring', 'rules.test.yaml')
  const tested = run('promtool', 'test', 'rules', path)
  assert.equal(tested.status, 0, tested.said)
  // The cases notice a rule that is wrong.
  const folder = mkdtempSync(join(tmpdir(), 'octavo-rules-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const wrong = readFileSync(rulesPath, 'utf8').replace(
    'octavo_oversold_titles) > 0',
    'octavo_oversold_titles) > 9',
  )
  writeFileSync(join(folder, 'rules.yaml'), wrong)
  const { tests } = parse(readFileSync(path, 'utf8')) as { tests: { name: string }[] }
  const first = tests.filter(({ name }) => name.startsWith('OctavoOversold'))
  const cases = { rule_files: ['rules.yaml'], evaluation_interval: '15s', tests: first }
  writeFileSync(join(folder, 'rules.test.yaml'), stringify(cases))
  const broken = run('promtool', 'test', 'rules', join(folder, 'rules.test.yaml'))
  assert.notEqual(broken.status, 0)
  assert.match(broken.said, /OctavoOversold/)
})

test('Alertmanager takes its configuration', { skip: missing() }, () => {
  const checked = run('amtool', 'check-config', at('deploy', 'monitoring', 'alertmanager.yml'))
  assert.equal(checked.status, 0, checked.said)
})

test('every alert has a severity, a page that says what to do, and a case', () => {
  const cases = readFileSync(at('deploy', 'monitoring', 'rules.test.yaml'), 'utf8')
  const pages = new Set(readdirSync(at('docs', 'runbooks')))
  for (const { alert, labels, annotations } of alerts) {
    assert.ok(['page', 'ticket'].includes(labels?.severity ?? ''), `${alert} pages or is a ticket`)
    const runbook = annotations?.runbook ?? ''
    assert.ok(existsSync(at(runbook)), `${alert}: there is no ${runbook}`)
    const text = readFileSync(at(runbook), 'utf8')
    for (const part of [`# ${alert}`, 'What it means', 'What to look at', 'What to do'])
      assert.ok(text.includes(part), `${runbook} has no "${part}"`)
    pages.delete(runbook.replace('docs/runbooks/', ''))
    assert.ok(cases.includes(`name: ${alert} fires`), `${alert} has no case`)
  }
  assert.deepEqual([...pages], [], 'there is a page without an alert')
})

test('what the System page tells by itself is what the rules say', () => {
  for (const { name, metric, by, holds, forSeconds, severity, summary } of ownRules) {
    const rule = alerts.find(({ alert }) => alert === name)
    assert.ok(rule, `there is a rule ${name}`)
    const highest = `max${by.length === 0 ? '' : ` by (${by.join(', ')}) `}(${metric})`
    assert.equal(rule.expr, `${highest} ${'above' in holds ? `> ${holds.above}` : `== ${holds.at}`}`)
    const [, n = '0', unit = 's'] = /^(\d+)([sm])$/.exec(rule.for ?? '') ?? []
    assert.equal(Number(n) * (unit === 'm' ? 60 : 1), forSeconds, name)
    assert.equal(rule.labels?.severity, severity)
    assert.equal(rule.annotations?.summary, summary)
    assert.equal(rule.annotations?.runbook, runbookOf(name))
  }
})

test('the collector and the logs have a configuration that reads as YAML', () => {
  for (const name of ['collector.yaml', 'loki.yaml'])
    assert.equal(typeof parse(readFileSync(at('deploy', 'monitoring', name), 'utf8')), 'object')
})
