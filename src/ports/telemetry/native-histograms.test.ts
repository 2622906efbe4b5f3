import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { until } from '../../../test/support/until.ts'
import { freeInnerPort } from '../../local/free-port.ts'
import { createMeter } from './meter.ts'
import { metricsOf } from './port.ts'

const program = '/usr/bin/prometheus'
if (!existsSync(program)) assert.notEqual(process.env.CI, 'true', 'apt-get install prometheus')
const skip = existsSync(program) ? false : 'not on this machine: apt-get install prometheus'

test('a Prometheus that takes native histograms reads quantiles finer than any bucket', {
  skip,
}, async (t) => {
  const { meter, seconds } = numbers()
  const query = await prometheus(t, meter, ['--enable-feature=native-histograms'])
  await until(async () => (await query('took_seconds')).length === 2, 'it has read both series')
  for (const share of [0.01, 0.5, 0.9, 0.99]) {
    const [found] = await query(`histogram_quantile(${share}, took_seconds{phase="prepare"})`)
    const truth = seconds[Math.ceil(share * seconds.length) - 1] ?? 0
    const wrong = Math.abs(Number(found) / truth - 1)
    assert.ok(wrong < 0.05, `the ${share} quantile is ${truth} and was read as ${found}`)
  }
  assert.deepEqual(await query('histogram_count(took_seconds)'), ['3', String(seconds.length)])
  assert.deepEqual(await query('histogram_sum(took_seconds{phase="nought"})'), ['0'])
  assert.deepEqual(await query('asked_total'), ['9007199254740991', '2'])
  assert.deepEqual(await query('left{shelf="a \\"b\\" é"}'), ['-1.5'])
})

test('one that does not take them has the buckets', { skip }, async (t) => {
  const query = await prometheus(t, numbers().meter, [])
  await until(async () => (await query('asked_total')).length === 2, 'it has read')
  assert.deepEqual(await query('took_seconds'), [])
  assert.deepEqual(await query('took_seconds_bucket{phase="prepare",le="+Inf"}'), ['1000'])
})

function numbers() {
  const meter = createMeter()
  const took = meter.histogram('took_seconds', 'Took.', [0.1, 1], ['phase'])
  // From a millisecond to 20 s, with a gap: runs of buckets on either side of it.
  const seconds = Array.from({ length: 1_000 }, (_, i) => (i < 950 ? 0.001 * 1.007 ** i : 10 + i / 100))
  for (const each of seconds) took.observe(each, 'prepare')
  for (const each of [0, 0, Number.NaN, 0]) took.observe(each, 'nought')
  const asked = meter.counter('asked_total', 'Asked.', ['outcome'])
  asked.add(Number.MAX_SAFE_INTEGER, 'placed')
  asked.add(2, 'refused')
  meter.gauge('left', 'Left.', ['shelf']).set(-1.5, 'a "b" é')
  return { meter, seconds }
}

/** A real Prometheus that reads these numbers. @returns how to ask it for values */
async function prometheus(t: TestContext, meter: ReturnType<typeof createMeter>, flags: string[]) {
  const server = createServer(({ headers }, response) => {
    const { type, body } = metricsOf('none', headers.accept, meter)
    response.writeHead(200, { 'content-type': type }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = mkdtempSync(join(tmpdir(), 'octavo-native-'))
  const targets = [`127.0.0.1:${(server.address() as AddressInfo).port}`]
  const scraped = {
    job_name: 'test',
    scrape_interval: '1s',
    scrape_timeout: '1s',
    static_configs: [{ targets }],
  }
  writeFileSync(join(folder, 'prometheus.json'), JSON.stringify({ scrape_configs: [scraped] }))
  const port = await freeInnerPort()
  const child = spawn(
    program,
    [
      ...[`--config.file=${join(folder, 'prometheus.json')}`, `--storage.tsdb.path=${join(folder, 'data')}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, ...flags],
    ],
    { stdio: 'ignore', cwd: folder },
  )
  t.after(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode === null && child.kill('SIGTERM')) await ended
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return async (expression: string): Promise<string[]> => {
    const asked = new URLSearchParams({ query: expression })
    // Until it listens there is nobody to ask.
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?${asked}`).catch(() => undefined)
    if (!response?.ok) return []
    const { data } = (await response.json()) as {
      data: { result: { value?: [number, string]; histogram?: unknown }[] }
    }
    return data.result.map(({ value }) => value?.[1] ?? 'histogram')
  }
}
