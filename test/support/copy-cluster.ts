import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Copies an initialised server into a server's folder, with its owner and rights, as PostgreSQL insists on them. */
export function copyCluster(template: string, serverPath: string): void {
  mkdirSync(serverPath, { recursive: true, mode: 0o700 })
  execFileSync('cp', ['-a', template, join(serverPath, 'data')])
}
