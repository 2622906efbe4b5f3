import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Prometheus or Alertmanager is missing, or did not start. */
class MonitoringError extends Error {
  override name = 'MonitoringError'
}

export type MonitoringOptions = {
  /** Host and port of the store's registry, which knows where every role is. */
  registry: string
  /** What the roles want to be told before they show their numbers. */
  metricsToken: string
  folder: string
  ports: { prometheus: number; alertmanager: number }
  /** How often roles are read and rules are looked at. */
  everySeconds: number
  /** Rules in the place of those that a store has in production. */
  rules?: string
  /** Further addresses to read, such as an audit's. */
  also?: readonly string[]
}

export type Monitoring = AsyncDisposable & { prometheus: string; alertmanager: string }

const programs = {
  prometheus: '/usr/bin/prometheus',
  alertmanager: '/usr/bin/prometheus-alertmanager',
} as const
const deploy = join(import.meta.dirname, '..', '..', 'deploy')
const rulesPath = join(deploy, 'chart', 'files', 'rules.yaml')
/** What was read last before a stop is soon forgotten, so that instances of then are not missed after a new start. */
const lookBack = '1m'
const startLimitMs = 30_000
const stopLimitMs = 5_000

/** The packages that are missing, as Debian calls them. */
export function monitoringMissing(): string[] {
  const packages = { prometheus: 'prometheus', alertmanager: 'prometheus-alertmanager' }
  const names = ['prometheus', 'alertmanager'] as const
  return names.filter((name) => !existsSync(programs[name])).map((name) => packages[name])
}

/** Starts Prometheus and Alertmanager beside a store, with the rules that it has in production. @throws MonitoringError */
export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { folder, ports } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const rules = options.rules === undefined ? rulesPath : file('rules.yaml', options.rules)
  const config = file('prometheus.json', JSON.stringify(prometheusConfig(options, rules)))
  const alerting = file(
    'alertmanager.yml',
    readFileSync(join(deploy, 'monitoring', 'alertmanager.yml'), 'utf8'),
  )
  await using started = new AsyncDisposableStack()
  const run = (program: string, args: string[]) =>
    started.use(running(spawn(program, args, { stdio: 'ignore', cwd: folder })))
  run(programs.prometheus, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${ports.prometheus}`,
    `--query.lookback-delta=${lookBack}`,
  ])
  run(programs.alertmanager, [
    `--config.file=${alerting}`,
    `--storage.path=${join(folder, 'alertmanager')}`,
    `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
    '--cluster.listen-address=',
  ])
  const prometheus = `http://127.0.0.1:${ports.prometheus}`
  const alertmanager = `http://127.0.0.1:${ports.alertmanager}`
  await Promise.all([becomesReady(prometheus), becomesReady(alertmanager)])
  const resources = started.move()
  return { prometheus, alertmanager, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

/** JSON is YAML. What differs from `deploy/monitoring/prometheus.yml` is where things are and how often they are read. */
function prometheusConfig(
  { registry, metricsToken, ports, everySeconds, also = [] }: MonitoringOptions,
  rules: string,
) {
  const every = `${everySeconds}s`
  // Discovery of Prometheus 2.42 and before sends no type that it was not told.
  const authorization = { type: 'Bearer', credentials: metricsToken }
  const static_configs = [{ targets: [registry], labels: { role: 'registry' } }]
  return {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: [rules],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${ports.alertmanager}`] }] }] },
    scrape_configs: [
      {
        job_name: 'octavo',
        http_sd_configs: [
          { url: `http://${registry}/prometheus/targets`, refresh_interval: '2s', authorization },
        ],
        tls_config: { insecure_skip_verify: true },
        authorization,
      },
      { job_name: 'octavo-registry', static_configs, authorization },
      ...(also.length === 0 ? [] : [{ job_name: 'octavo-audit', static_configs: [{ targets: also }] }]),
    ],
  }
}

function running(child: ChildProcess): AsyncDisposable {
  child.on('error', () => undefined)
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
      await ended
      clearTimeout(late)
    },
  }
}

async function becomesReady(url: string): Promise<void> {
  const giveUpMs = performance.now() + startLimitMs
  for (;;) {
    // Until it listens there is nobody to ask.
    const response = await fetch(`${url}/-/ready`).catch(() => undefined)
    if (response?.ok) return
    if (performance.now() > giveUpMs)
      throw new MonitoringError(`nothing is ready at ${url}; is its port in use by another program?`)
    await sleep(100)
  }
}
