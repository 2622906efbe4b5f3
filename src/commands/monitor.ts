import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import { innerMetricsToken } from '#ports/http'
import { createMeter } from '#ports/telemetry'
import { monitoringMissing, startMonitoring } from '../local/monitoring.ts'
import { storeEnvironment } from '../local/running.ts'
import { stopSignal } from '../process/stop-signal.ts'
import { audit, auditSecrets } from './audit.ts'

export const summary = 'Prometheus and Alertmanager beside the running store, and an audit every few minutes'

const auditEverySeconds = 300

/** Runs until it is asked to end. @returns 1 when a program is missing */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '9090' },
      'alertmanager-port': { type: 'string', default: '9093' },
      'audit-port': { type: 'string', default: '9188' },
    },
  })
  const missing = monitoringMissing()
  if (missing.length > 0) {
    console.error(`octavo monitor: not on this machine: apt-get install ${missing.join(' ')}`)
    return 1
  }
  const stop = stopSignal()
  const env = storeEnvironment()
  const config = readConfig(env)
  const { secret, metricsToken = innerMetricsToken(secret) } = readSecrets(env, ['secret', 'metricsToken'])
  await using _audits = await serveAudits(Number(values['audit-port']), stop)
  await using monitoring = await startMonitoring({
    registry: new URL(config.discovery.url).host,
    metricsToken,
    folder: join(config.dataPath, 'monitoring'),
    ports: { prometheus: Number(values.port), alertmanager: Number(values['alertmanager-port']) },
    everySeconds: 5,
    also: [`127.0.0.1:${values['audit-port']}`],
  })
  console.log(`Prometheus:   ${monitoring.prometheus}/alerts\nAlertmanager: ${monitoring.alertmanager}`)
  console.log('What to do about an alert is in docs/runbooks. Ctrl-C ends both.')
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  return 0
}

/** What the last audit found, for Prometheus to read. */
async function serveAudits(port: number, stop: AbortSignal): Promise<AsyncDisposable> {
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
    while (!stop.aborted) {
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
      await sleep(auditEverySeconds * 1000, undefined, { signal: stop }).catch(() => undefined)
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await auditing
    },
  }
}
