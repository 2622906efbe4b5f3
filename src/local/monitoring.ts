import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eachLine } from './log.ts'
import { identify, isRunning, killAllIn, type ProcessIdentity } from './process-identity.ts'

/** Prometheus or Alertmanager did not start, or ended. */
export class MonitoringError extends Error {
  override name = 'MonitoringError'
}

export type MonitoringOptions = {
  /** Host and port of the store's registry, which knows where every role is. */
  registry: string
  /** What the roles want to be told before they show their numbers. */
  metricsToken: string
  /** Where both keep what they know. Debian's Prometheus does not notice that another one writes there too. */
  folder: string
  ports: { prometheus: number; alertmanager: number }
  /** How often roles are read and rules are looked at. */
  everySeconds: number
  /** Rules in the place of those that a store has in production. */
  rules?: string
  /** Further addresses to read, such as an audit's. */
  also?: readonly string[]
  /** Ends a start that is under way. */
  stop?: AbortSignal
}

export type Monitoring = AsyncDisposable & {
  prometheus: string
  alertmanager: string
  /** Reads the store whose registry is there from now on: one that starts again has another. */
  follow(registry: string): void
  /** Fulfilled, with what it said, when one of both ends that nobody ended. */
  ended: Promise<MonitoringError>
}

const programs = {
  prometheus: '/usr/bin/prometheus',
  alertmanager: '/usr/bin/prometheus-alertmanager',
} as const
const deploy = join(import.meta.dirname, '..', '..', 'deploy')
const rulesPath = join(deploy, 'chart', 'files', 'rules.yaml')
/** What was read last before a stop is soon forgotten, so that instances of then are not missed after a new start. */
const lookBack = '1m'
/** Says which process runs both, in their folder. */
const ownerName = 'owner.json'
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
  const configure = (registry: string) =>
    file('prometheus.json', JSON.stringify(prometheusConfig({ ...options, registry }, rules)))
  const config = configure(options.registry)
  const alerting = file(
    'alertmanager.yml',
    readFileSync(join(deploy, 'monitoring', 'alertmanager.yml'), 'utf8'),
  )
  const waitMs = (await endWhatIsLeft(folder)) ? stopLimitMs : 0
  await using started = new AsyncDisposableStack()
  const owner = file(ownerName, JSON.stringify(identify(process.pid)))
  started.defer(() => rmSync(owner, { force: true }))
  for (const port of Object.values(ports)) await mustBeFree(port, waitMs)
  const run = (name: keyof typeof programs, args: string[]) => started.use(running(name, args, folder))
  const prometheus = run('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${ports.prometheus}`,
    `--query.lookback-delta=${lookBack}`,
  ])
  const alertmanager = run('alertmanager', [
    `--config.file=${alerting}`,
    `--storage.path=${join(folder, 'alertmanager')}`,
    `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
    '--cluster.listen-address=',
  ])
  const urls = {
    prometheus: `http://127.0.0.1:${ports.prometheus}`,
    alertmanager: `http://127.0.0.1:${ports.alertmanager}`,
  }
  const ended = Promise.race([prometheus.ended, alertmanager.ended])
  const inVain = new AbortController()
  const stop = AbortSignal.any([inVain.signal, ...(options.stop === undefined ? [] : [options.stop])])
  const ready = Promise.all(Object.values(urls).map((url) => becomesReady(url, stop)))
  const failed = await Promise.race([ready.then(() => undefined), ended])
  inVain.abort()
  if (failed !== undefined) throw failed
  const resources = started.move()
  return {
    ...urls,
    ended,
    follow(registry) {
      configure(registry)
      // Upon this signal it reads its configuration again.
      prometheus.child.kill('SIGHUP')
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/**
 * A process that was killed leaves its children, which keep their ports.
 * @returns whether there may have been some
 * @throws MonitoringError when it still runs
 */
async function endWhatIsLeft(folder: string): Promise<boolean> {
  const path = join(folder, ownerName)
  if (!existsSync(path)) return false
  const owner = JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity
  if (isRunning(owner))
    throw new MonitoringError(`process ${owner.pid} keeps what it reads in ${folder}: end it first`)
  await killAllIn(folder, /prometheus/)
  return true
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

type Running = AsyncDisposable & { child: ChildProcess; ended: Promise<MonitoringError> }

function running(name: keyof typeof programs, args: string[], folder: string): Running {
  const child = spawn(programs[name], args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder })
  let said = ''
  eachLine(child.stderr, (line) => {
    if (/level=error|level=ERROR|^Error/.test(line)) said = line
  })
  const ended = new Promise<MonitoringError>((resolve) => {
    child.once('error', (error) => resolve(new MonitoringError(`${name} cannot run: ${error.message}`)))
    child.once('close', () => resolve(new MonitoringError(`${name} has ended${said && `: ${said}`}`)))
  })
  return {
    child,
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
      await ended
      clearTimeout(late)
    },
  }
}

/**
 * Another program's Prometheus would seem to be ours.
 * @param waitMs for a port of a program that has just been killed, whose last thread gives it back
 * @throws MonitoringError
 */
export async function mustBeFree(port: number, waitMs = 0): Promise<void> {
  const giveUpMs = performance.now() + waitMs
  for (let cause = await hindrance(port); cause !== undefined; cause = await hindrance(port)) {
    if (performance.now() >= giveUpMs)
      throw new MonitoringError(
        `port ${port} is taken by another program; another octavo monitor, or a service of Debian's ` +
          '(systemctl disable --now prometheus prometheus-alertmanager)? --help says how to choose another',
        { cause },
      )
    await sleep(50)
  }
}

/** @returns why nobody can listen there now */
async function hindrance(port: number): Promise<unknown> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return undefined
  } catch (error) {
    return error
  } finally {
    server.close()
  }
}

/** @throws MonitoringError when it is not within the limit, and when it is told to stop */
async function becomesReady(url: string, stop: AbortSignal): Promise<void> {
  const giveUpMs = performance.now() + startLimitMs
  for (;;) {
    // Until it listens there is nobody to ask.
    const response = await fetch(`${url}/-/ready`).catch(() => undefined)
    // First: a fast machine is ready at the second question, and a start that is to stop stops all the same.
    if (stop.aborted) throw new MonitoringError('stopped before it was ready')
    if (response?.ok) return
    if (performance.now() > giveUpMs) throw new MonitoringError(`nothing is ready at ${url}`)
    await sleep(100)
  }
}
