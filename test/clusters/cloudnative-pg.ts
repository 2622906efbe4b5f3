import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { TestScope } from '../support/database.ts'
import { type BackgroundProcess, startProcess } from './background-process.ts'
import type { ControlPlane } from './control-plane.ts'
import { runClient } from './kubectl.ts'
import type { TestCluster } from './open-cluster.ts'

/** CloudNativePG's own operator, whose webhooks are registered at one API server or several. */
const webhookPort = 9443

export type CloudNativePg = {
  operator: BackgroundProcess
  /** Makes its kinds and its webhooks known; they answer a little later. */
  register(at: ControlPlane): Promise<void>
}

/** @param namespace that it looks after; all of them when it is not told */
export async function startCloudNativePg(
  scope: TestScope,
  { controlPlane, tools, folder }: TestCluster,
  namespace = '',
): Promise<CloudNativePg> {
  const program = tools['cloudnative-pg']
  const home = dirname(program)
  const apply = async (at: ControlPlane, text: string) => {
    const { code, err } = await runClient(
      tools,
      at,
      'kubectl',
      ['apply', '--server-side', '--filename=-'],
      text,
    )
    assert.equal(code, 0, err)
  }
  const define = async (at: ControlPlane) => {
    const definitions = join(home, 'config', 'crd', 'bases')
    for (const file of readdirSync(definitions))
      await apply(at, readFileSync(join(definitions, file), 'utf8'))
    const wait = [
      'wait',
      '--for=condition=Established',
      '--timeout=120s',
      'customresourcedefinitions',
      '--all',
    ]
    const { code, err } = await runClient(tools, at, 'kubectl', wait)
    assert.equal(code, 0, err)
  }
  // It looks once for what it has to do with, and ends when one of those kinds is not served yet.
  await define(controlPlane)
  const own = join(folder, 'operator')
  const certificates = join(own, 'certificates')
  mkdirSync(join(own, 'operator'), { recursive: true })
  mkdirSync(certificates)
  // It looks in its working folder which machines it could run databases on.
  copyFileSync(program, join(own, 'operator', 'manager_amd64'))
  const { certPath, keyPath } = controlPlane.authority.issue('cnpg', '/CN=cnpg', 'IP:127.0.0.1')
  copyFileSync(certPath, join(certificates, 'apiserver.crt'))
  copyFileSync(keyPath, join(certificates, 'apiserver.key'))
  const operator = startProcess({
    command: program,
    args: ['controller', `--webhook-port=${webhookPort}`, '--metrics-bind-address=127.0.0.1:9187'],
    cwd: own,
    env: {
      ...{ KUBECONFIG: controlPlane.kubeconfig, WEBHOOK_CERT_DIR: certificates, HOME: own },
      ...(namespace !== '' && { WATCH_NAMESPACE: namespace }),
    },
    logPath: join(own, 'log'),
  })
  scope.after(() => operator.stop())
  const webhooks = readFileSync(join(home, 'config/webhook/manifests.yaml'), 'utf8')
  const caBundle = Buffer.from(controlPlane.authority.cert).toString('base64')
  return {
    operator,
    async register(at) {
      if (at !== controlPlane) await define(at)
      await apply(at, JSON.stringify(webhooksOf(webhooks, caBundle)))
    },
  }
}

type Webhooks = { webhooks: { clientConfig: { service?: { path: string } } }[] }

/** As the operator has them, called at this machine's own address instead of a Service's. */
function webhooksOf(text: string, caBundle: string): object {
  const items = parseAllDocuments(text).flatMap((document) => {
    const each = document.toJS() as (Webhooks & object) | null
    if (each === null) return []
    const webhooks = each.webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: {
        url: `https://127.0.0.1:${webhookPort}${webhook.clientConfig.service?.path}`,
        caBundle,
      },
    }))
    return [{ ...each, webhooks }]
  })
  return { apiVersion: 'v1', kind: 'List', items }
}
