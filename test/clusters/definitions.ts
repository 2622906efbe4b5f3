import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cacheFolder, goModules, into, run } from './tools.ts'

/** Definitions of other operators' resources, by the Go module that brings them; versions are in tools/crds/go.mod. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  'github.com/cloudnative-pg/cloudnative-pg': [
    'config/crd/bases/postgresql.cnpg.io_clusters.yaml',
    'config/crd/bases/postgresql.cnpg.io_scheduledbackups.yaml',
  ],
  'sigs.k8s.io/gateway-api': ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
  'github.com/prometheus-operator/prometheus-operator': [
    'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  ],
  'github.com/kedacore/keda/v2': ['config/crd/bases/keda.sh_scaledobjects.yaml'],
  'github.com/external-secrets/external-secrets': [
    'config/crds/bases/external-secrets.io_externalsecrets.yaml',
  ],
}

/** Those of Open Cluster Management, for the tests of a fleet. */
const ofFleet: Readonly<Record<string, readonly string[]>> = {
  'open-cluster-management.io/api': [
    'cluster/v1/0000_00_clusters.open-cluster-management.io_managedclusters.crd.yaml',
    'work/v1/0000_00_work.open-cluster-management.io_manifestworks.crd.yaml',
  ],
}

/**
 * Fetches them into the cache of the tools, at first use.
 * @returns their files
 * @throws ToolsUnavailable when Go is missing or a module is not what it was
 */
export async function prepareDefinitions(): Promise<string[]> {
  const folder = await fetchDefinitions()
  return filesOf(wanted, folder)
}

/** The same, of what a fleet's hub has. */
export async function prepareFleetDefinitions(): Promise<string[]> {
  const folder = await fetchDefinitions()
  return filesOf(ofFleet, folder)
}

const all = { ...wanted, ...ofFleet }

const filesOf = (modules: typeof wanted, folder: string) =>
  Object.values(modules)
    .flat()
    .map((file) => join(folder, basename(file)))

/** @returns their folder */
async function fetchDefinitions(): Promise<string> {
  const module = join(goModules, 'crds')
  const key = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex')
    .slice(0, 12)
  const folder = join(cacheFolder(), `definitions-${key}`)
  if (!existsSync(folder)) {
    const env = { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' }
    const said = await run('go', ['mod', 'download', '-json', ...Object.keys(all)], { cwd: module, env })
    const modules = said.split(/^(?=\{)/m).map((text) => JSON.parse(text) as { Path: string; Dir: string })
    await into(folder, async (making) => {
      for (const { Path, Dir } of modules)
        for (const file of all[Path] ?? []) copyFileSync(join(Dir, file), join(making, basename(file)))
    })
  }
  return folder
}
