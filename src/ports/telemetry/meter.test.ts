import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { createMeter, seriesMax } from './meter.ts'
import { metricsOf, roleMeter } from './port.ts'

const textFor = (role: string) => String(metricsOf(role).body)
const promtool = '/usr/bin/promtool'

/** @returns why there is nothing to check with; on a machine that must have everything this is a failure */
function promtoolMissing(): string | false {
  if (existsSync(promtool)) return false
  assert.notEqual(process.env.CI, 'true', 'there is no promtool: apt-get install prometheus')
  return 'there is no promtool here: apt-get install prometheus'
}

test('a counter adds up by the values of its labels', () => {
  const meter = createMeter()
  const asked = meter.counter('asked_total', 'Asked.', ['outcome'])
  asked.add(1, 'placed')
  asked.add(2, 'placed')
  asked.add(1, 'a "b" \\ c\n')
  meter.counter('asked_total', 'Asked.', ['outcome']).add(1, 'placed')
  assert.equal(
    meter.text(),
    '# HELP asked_total Asked.\n# TYPE asked_total counter\n' +
      'asked_total{outcome="placed"} 4\nasked_total{outcome="a \\"b\\" \\\\ c\\n"} 1\n',
  )
})

test('a histogram counts what is at most a bucket wide', () => {
  const meter = createMeter()
  const took = meter.histogram('took_seconds', 'Took.', [0.1, 1], ['phase'])
  for (const seconds of [0.1, 0.5, 7]) took.observe(seconds, 'prepare')
  assert.match(
    meter.text(),
    /le="0.1"\} 1\n.*le="1"\} 2\n.*le="\+Inf"\} 3\ntook_seconds_sum\{phase="prepare"\} 7.6\ntook_seconds_count\{phase="prepare"\} 3\n/,
  )
})

test('a gauge that is read forgets who is disposed', () => {
  const meter = createMeter()
  const one = meter.observed('waiting', 'Waiting.', ['queue'], () => [[3, 'a']])
  meter.observed('waiting', 'Waiting.', ['queue'], () => [[4, 'b']])
  assert.match(meter.text(), /waiting\{queue="a"\} 3\nwaiting\{queue="b"\} 4\n/)
  one[Symbol.dispose]()
  assert.doesNotMatch(meter.text(), /queue="a"/)
})

test('whatever is asked for, the number of series is bounded', () => {
  const meter = createMeter()
  const counter = meter.counter('seen_total', 'Seen.', ['what'])
  for (let i = 0; i < seriesMax + 500; i++) counter.add(1, `thing ${i}`)
  const lines = meter.text().trim().split('\n')
  assert.ok(lines.length <= seriesMax + 3, `${lines.length} lines`)
  assert.ok(lines.includes('seen_total{what="other"} 500'))
})

test('roles of one process keep their numbers apart, and share those of the process', () => {
  roleMeter('one').counter('ones_total', 'Ones.').add(1)
  assert.match(textFor('one'), /^ones_total 1$/m)
  assert.doesNotMatch(textFor('two'), /ones_total/)
  assert.match(textFor('two'), /^nodejs_eventloop_delay_p99_seconds \d/m)
  assert.match(textFor('two'), /^process_cpu_seconds_total\{cpu_mode="user"\} \d/m)
})

test('Prometheus reads what is written', { skip: promtoolMissing() }, () => {
  roleMeter('read').histogram('octavo_read_seconds', 'Read.', [0.1, 1], ['phase']).observe(1, 'a "b"\n')
  const check = (input: string) => spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' })
  const { status, stderr } = check(textFor('read'))
  assert.equal(status, 0, stderr)
  assert.equal(check('read{phase="a} 1\n').status, 1, 'it does find faults')
})
