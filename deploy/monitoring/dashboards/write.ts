// npm run dashboards: writes the dashboards to where Grafana and the chart read them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboards } from './all.ts'

export const dashboardsFolder = join(import.meta.dirname, '..', '..', 'chart', 'files', 'dashboards')

/** @returns each file's name and text */
export function dashboardFiles(): [name: string, text: string][] {
  return Object.entries(dashboards).map(([name, board]) => [
    `${name}.json`,
    `${JSON.stringify(board, null, 1)}\n`,
  ])
}

/** @returns the exit code */
export function main(): number {
  mkdirSync(dashboardsFolder, { recursive: true })
  for (const [name, text] of dashboardFiles()) writeFileSync(join(dashboardsFolder, name), text)
  return 0
}
