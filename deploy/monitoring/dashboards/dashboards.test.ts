import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { dashboardCheckPath, monitoringToolsMissing } from '../../../test/support/monitoring-tools/prepare.ts'
import { dashboards, queriesOf } from './all.ts'
import { dashboardFiles, dashboardsFolder } from './write.ts'

const promtool = '/usr/bin/promtool'

test('the files are what the code says: npm run dashboards', () => {
  const written = readdirSync(dashboardsFolder).sort()
  assert.deepEqual(
    written,
    dashboardFiles()
      .map(([name]) => name)
      .sort(),
  )
  for (const [name, text] of dashboardFiles())
    assert.equal(readFileSync(join(dashboardsFolder, name), 'utf8'), text, name)
})

test('Grafana’s schema takes every dashboard', { skip: monitoringToolsMissing() }, (t) => {
  const check = (...paths: string[]) => spawnSync(dashboardCheckPath(), paths, { encoding: 'utf8' })
  const { status, stdout } = check(...dashboardFiles().map(([name]) => join(dashboardsFolder, name)))
  assert.equal(status, 0, stdout)
  const folder = scratch(t)
  const spoilt = readFileSync(join(dashboardsFolder, 'node.json'), 'utf8').replace(
    '"legendFormat"',
    '"legend"',
  )
  writeFileSync(join(folder, 'spoilt.json'), spoilt)
  const found = check(join(folder, 'spoilt.json'))
  assert.equal(found.status, 1, 'it does find faults')
  assert.match(found.stdout, /panels\[1\]\.targets\[0\].*unexpected field 'legend'/)
})

test('each panel says what it shows, and each id stands for one dashboard', () => {
  const boards = Object.values(dashboards)
  assert.equal(new Set(boards.map(({ uid }) => uid)).size, boards.length)
  for (const { title, panels = [] } of boards)
    for (const panel of panels) {
      if (panel.type === 'row') continue
      assert.ok(
        'description' in panel && panel.description,
        `${title}: ${panel.title} says nothing of itself`,
      )
    }
})

test('Prometheus understands every query', { skip: promtoolMissing() }, (t) => {
  const queries = Object.values(dashboards).flatMap(queriesOf)
  assert.ok(queries.length > 90, `${queries.length} queries`)
  const rules = queries.map(({ expression }, i) => ({
    record: `q:${i}`,
    expr: expression.replaceAll('$__rate_interval', '1m'),
  }))
  const path = join(scratch(t), 'rules.yaml')
  writeFileSync(path, stringify({ groups: [{ name: 'queries', rules }] }))
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'rules', path], { encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
})

function promtoolMissing(): string | false {
  if (existsSync(promtool)) return false
  assert.notEqual(process.env.CI, 'true', 'there is no promtool: apt-get install prometheus')
  return 'there is no promtool here: apt-get install prometheus'
}

function scratch(t: { after(clean: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-dashboards-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
