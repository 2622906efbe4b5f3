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

/**
 * Fetches them into the cache of the tools, at first use.
 * @returns their files
 * @throws ToolsUnavailable when Go is missing or a module is not what it was
 */
export async function prepareDefinitions(): Promise<string[]> {
  const module = join(goModules, 'crds')
  const key = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex')
    .slice(0, 12)
  const folder = join(cacheFolder(), `definitions-${key}`)
  if (!existsSync(folder)) {
    const env = { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' }
    const said = await run('go', ['mod', 'download', '-json', ...Object.keys(wanted)], { cwd: module, env })
    const modules = said.split(/^(?=\{)/m).map((text) => JSON.parse(text) as { Path: string; Dir: string })
    await into(folder, async (making) => {
      for (const { Path, Dir } of modules)
        for (const file of wanted[Path] ?? []) copyFileSync(join(Dir, file), join(making, basename(file)))
    })
  }
  return Object.values(wanted)
    .flat()
    .map((file) => join(folder, basename(file)))
}
