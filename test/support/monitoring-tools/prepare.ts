import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, exitCodeOf, goBuild, into } from '../../clusters/tools.ts'

/** Of the collector, and of what is in go.mod beside it: raise it when either changes. */
const version = 'v0.165.0-2'
const folder = () => join(cacheFolder(), `monitoring-tools-${version}`)

/** The OpenTelemetry collector with the few parts that Octavo's configuration names (Apache-2.0). */
export const collectorPath = () => join(folder(), 'collector')
/** Reads dashboards by Grafana's schema (the Grafana Foundation SDK, Apache-2.0). */
export const dashboardCheckPath = () => join(folder(), 'dashboards')

/** @returns why a test cannot run here; on a machine that must have everything this is a failure */
export function monitoringToolsMissing(): string | false {
  if (existsSync(collectorPath())) return false
  const text = 'there is no collector here: node bin/bootstrap.mjs prepare-monitoring builds one with Go'
  assert.notEqual(process.env.CI, 'true', text)
  return text
}

/**
 * Builds both unless they are there: three minutes of one core. go.sum beside this file holds the checksums.
 * @throws ToolsUnavailable when there is no Go, or they cannot be built
 */
async function prepareMonitoringTools(say: (text: string) => void): Promise<void> {
  if (existsSync(collectorPath())) return
  say(`Building the monitoring tools ${version} …`)
  await into(folder(), async (making) => {
    await goBuild(import.meta.dirname, `${making}/`, ['./collector', './dashboards'])
  })
  say(`Built the monitoring tools ${version}.`)
}

/** `node bin/bootstrap.mjs prepare-monitoring`. @returns the exit code */
export const main = (): Promise<number> =>
  exitCodeOf(async () => {
    await prepareMonitoringTools((text) => console.log(text))
    return 0
  })
