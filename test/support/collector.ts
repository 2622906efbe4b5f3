import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { freeInnerPort } from '../../src/local/free-port.ts'
import type { TestScope } from './database.ts'
import { collectorPath } from './monitoring-tools/prepare.ts'
import { until } from './until.ts'

const config = join(import.meta.dirname, '..', '..', 'deploy', 'monitoring', 'collector.yaml')

export const collectorUrl = async () => `http://127.0.0.1:${await freeInnerPort()}`

/**
 * Starts a real OpenTelemetry collector with the configuration that Octavo ships. It takes spans at `url`, and the log
 * that is written to a file; both go on to `to`.
 */
export async function startCollector(
  scope: TestScope,
  { url, to, logFile }: { url: string; to: string; logFile: string },
): Promise<void> {
  const child = spawn(collectorPath(), [`--config=file:${config}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      OCTAVO_OTLP_LISTEN: new URL(url).host,
      OCTAVO_TRACES_TO: to,
      OCTAVO_LOGS_TO: to,
      OCTAVO_LOG_FILES: logFile,
      OCTAVO_LOG_START: 'beginning',
      OCTAVO_ENCODING: 'json',
    },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000)
  })
  scope.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  })
  const isUp = async () => {
    if (child.exitCode !== null) throw new Error(`the collector ended:\n${said}`)
    return (await fetch(`${url}/v1/traces`).catch(() => undefined)) !== undefined
  }
  await until(isUp, 'a collector listens')
}
