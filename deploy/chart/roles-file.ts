// npx node deploy/chart/roles-file.ts: writes files/roles.json, from which the chart makes a Deployment for each role.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commonSettings, roles } from '#roles'

export const rolesPath = join(import.meta.dirname, 'files', 'roles.json')

/**
 * What the chart knows of the roles. In a cluster there is no registry: the API server knows who is there. What a fleet
 * has runs beside its clusters.
 */
export function rolesFile(): string {
  const known = roles
    .filter(({ name, isOfFleet }) => name !== 'registry' && !isOfFleet)
    .map(
      ({ settings, name, summary, needs, secrets, calls, leases, hasOwnImage, isPublic, nodeOptions }) => ({
        ...{ name, summary, needs, secrets, calls, leases, hasOwnImage, isPublic, nodeOptions },
        settings: [...commonSettings, ...settings],
      }),
    )
  return `${JSON.stringify(known, null, 2)}\n`
}

if (import.meta.main) writeFileSync(rolesPath, rolesFile())
