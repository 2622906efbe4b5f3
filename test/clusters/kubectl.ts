import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.ts'
import { cacheFolder, type Tools } from './tools.ts'

export type Said = { code: number | null; out: string; err: string }

const limitMs = 180_000

/** Runs kubectl or helm as an administrator of a cluster. @returns what it said, whatever the outcome */
export function runClient(
  tools: Tools,
  controlPlane: ControlPlane,
  name: 'kubectl' | 'helm',
  args: readonly string[],
  input = '',
): Promise<Said> {
  const home = join(cacheFolder(), 'home')
  return new Promise((resolve, reject) => {
    const child = spawn(tools[name], args, {
      stdio: 'pipe',
      timeout: limitMs,
      env: {
        ...{ PATH: process.env.PATH, HOME: home, KUBECONFIG: controlPlane.kubeconfig },
        ...{ KUBECACHEDIR: join(home, controlPlane.name), HELM_CACHE_HOME: join(home, 'helm') },
      },
    })
    const said: Said = { code: null, out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.err += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ ...said, code }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
