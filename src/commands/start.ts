import { parseArgs } from 'node:util'
import { readConfig, readSecrets, replicasMax } from '#config'
import { livenessLimits } from '../local/liveness.ts'
import { wantsColour } from '../local/log.ts'
import { runStore } from '../local/supervisor.ts'
import { laptop } from '../local/topology.ts'
import { stopSignal } from '../process/stop-signal.ts'
import { checkPassword } from '../services/orders/staff/password-rules.ts'

export const summary =
  'run a whole store on this machine [--demo on|off: the sample catalogue, on at first start] [--replicas N: of each database, 0]'

export async function run(args: string[]): Promise<number> {
  const options = readOptions(args)
  if (options === undefined) {
    console.error(`usage: octavo start [--demo on|off] [--replicas 0..${replicasMax}]`)
    return 2
  }
  const env = { ...process.env, ...(options.replicas && { OCTAVO_REPLICAS: options.replicas }) }
  // Said before anything starts: the role that makes the account would end over and over.
  const { staffPassword } = readSecrets(process.env, ['staffPassword'])
  if (staffPassword !== undefined) checkPassword(staffPassword, readConfig(process.env).staff.email)
  // Nobody may be left to read it: that is no reason to end.
  process.stdout.on('error', () => {})
  await runStore({
    config: readConfig(env),
    topology: laptop,
    env,
    liveness: livenessLimits,
    demo: options.demo,
    write: (text) => process.stdout.write(text),
    withColour: wantsColour(process.stdout, process.env),
    stop: stopSignal(),
  })
  return 0
}

function readOptions(args: string[]): { demo: boolean; replicas: string | undefined } | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: { demo: { type: 'string', default: 'on' }, replicas: { type: 'string' } },
    })
    const { demo, replicas } = values
    if (!['on', 'off'].includes(demo) || (replicas !== undefined && !isReplicas(replicas))) return undefined
    return { demo: demo === 'on', replicas }
  } catch {
    // What was given instead is answered with what can be given.
    return undefined
  }
}

const isReplicas = (text: string) => /^\d+$/.test(text) && Number(text) <= replicasMax
