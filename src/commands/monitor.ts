import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ConfigError, type Environment, readConfig, readSecrets } from '#config'
import { innerMetricsToken } from '#ports/http'
import { createMeter } from '#ports/telemetry'
import { type Monitoring, monitoringMissing, mustBeFree, startMonitoring } from '../local/monitoring.ts'
import { storeEnvironment } from '../local/running.ts'
import { stopSignal } from '../process/stop-signal.ts'
import { audit, auditSecrets } from './audit.ts'

export const summary =
  'Prometheus and Alertmanager beside the running store, and an audit every few minutes ' +
  '[--port 9090] [--alertmanager-port 9093] [--audit-port 9188]'

const portDefault = '9090'
const auditEverySeconds = 300
/** A store that starts again has its registry elsewhere. */
const followEveryMs = 2_000

/** Runs until it is asked to end. @returns 1 when a program is missing, or ends by itself */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: portDefault },
      'alertmanager-port': { type: 'string', default: '9093' },
      'audit-port': { type: 'string', default: '9188' },
    },
  })
  const ports = {
    prometheus: portOf('--port', values.port),
    alertmanager: portOf('--alertmanager-port', values['alertmanager-port']),
  }
  const auditPort = portOf('--audit-port', values['audit-port'])
  const missing = monitoringMissing()
  if (missing.length > 0) {
    console.error(`octavo monitor: not on this machine: apt-get install ${missing.join(' ')}`)
    return 1
  }
  const stop = stopSignal()
  const env = storeEnvironment()
  const { dataPath } = readConfig(env)
  const { secret, metricsToken = innerMetricsToken(secret) } = readSecrets(env, ['secret', 'metricsToken'])
  await mustBeFree(auditPort)
  await using _audits = await serveAudits(auditPort)
  const starting = startMonitoring({
    ...{ registry: registryOf(env), metricsToken, ports, stop },
    // Each pair its own, and nobody else can have its port.
    folder: join(dataPath, `monitoring${values.port === portDefault ? '' : `-${ports.prometheus}`}`),
    everySeconds: 5,
    also: [`127.0.0.1:${auditPort}`],
  })
  // Ctrl-C at a terminal reaches both programs as well: that they end then is no fault.
  const started = await starting.catch((error: unknown) => {
    if (!stop.aborted) throw error
  })
  if (started === undefined) return 0
  await using monitoring = started
  console.log(`Prometheus:   ${monitoring.prometheus}/alerts\nAlertmanager: ${monitoring.alertmanager}`)
  console.log('What to do about an alert is in docs/runbooks. Ctrl-C ends both.')
  using _following = follow(monitoring, registryOf(env))
  const stopped = new Promise<undefined>((resolve) => {
    if (stop.aborted) resolve(undefined)
    stop.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  const ended = await Promise.race([stopped, monitoring.ended])
  if (ended === undefined || stop.aborted) return 0
  console.error(`octavo monitor: ${ended.message}`)
  return 1
}

const registryOf = (env: Environment) => new URL(readConfig(env).discovery.url).host

function portOf(name: string, text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new ConfigError(`${name} is "${text}"; it should be a port, from 1 to 65535`)
  return port
}

function follow(monitoring: Monitoring, first: string): Disposable {
  let followed = first
  const look = setInterval(() => {
    try {
      const now = registryOf(storeEnvironment())
      if (now === followed) return
      followed = now
      monitoring.follow(now)
    } catch {
      // No store runs just now, which is what the alerts say.
    }
  }, followEveryMs)
  return { [Symbol.dispose]: () => clearInterval(look) }
}

/** What the last audit found, for Prometheus to read. */
async function serveAudits(port: number): Promise<AsyncDisposable> {
  const stop = new AbortController()
  const meter = createMeter()
  const findings = meter.gauge('octavo_audit_findings', 'What the last audit found.', ['invariant'])
  const at = meter.gauge('octavo_audit_timestamp_seconds', 'When the last audit ended, since 1970.')
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(meter.text())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const auditing = (async () => {
    while (!stop.signal.aborted) {
      try {
        for (const { invariant, findings: found } of await audit(
          readSecrets(storeEnvironment(), auditSecrets),
        ))
          findings.set(found.length, invariant)
        at.set(Date.now() / 1000)
      } catch {
        // A database is away: another alert says so, and nothing is known of the invariants.
        findings.clear()
      }
      await sleep(auditEverySeconds * 1000, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      server.closeAllConnections()
      server.close()
      await auditing
    },
  }
}
