import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { ToolsUnavailable } from './tools.ts'

/** Addresses of pods and of Services. Inside they are this machine's own, as loopback's are. */
const podRange = '10.244.0.0/14'
const serviceRanges = '10.96.0.0/12'

const script = [
  'set -e',
  'ip link set lo up',
  `ip route add local ${podRange} dev lo`,
  `ip route add local ${serviceRanges} dev lo`,
  '"$@"',
].join('\n')

/**
 * Runs a program in a network and process namespace of its own, where every pod and Service can have its address: the
 * API server takes no loopback address for an endpoint. Nothing inside reaches another machine, no port is taken from
 * anybody, and whatever the program started ends with it.
 * @throws ToolsUnavailable when this user may not make one, or `unshare` or `ip` is missing
 */
export function enterClusterNetwork(command: string, args: readonly string[]): ChildProcess {
  for (const [program, from] of [
    ['unshare', 'util-linux'],
    ['ip', 'iproute2'],
    ['openssl', 'openssl'],
  ] as const)
    if (spawnSync(program, ['--version']).error && spawnSync(program, ['-V']).error)
      throw new ToolsUnavailable(`The test clusters need ${program}: install ${from} and retry`)
  if (process.getuid?.() !== 0)
    throw new ToolsUnavailable('The test clusters make a network of their own, and need root for that')
  const flags = ['--net', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc']
  return spawn('unshare', [...flags, '--', 'sh', '-c', script, 'cluster', command, ...args], {
    stdio: 'inherit',
    env: { ...process.env, OCTAVO_CLUSTER_NETWORK: 'entered' },
  })
}
