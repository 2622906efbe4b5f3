import { parseArgs } from 'node:util'
import { readConfig, readSecrets } from '#config'
import { livenessLimits } from '../local/liveness.ts'
import { wantsColour } from '../local/log.ts'
import { runStore } from '../local/supervisor.ts'
import { laptop } from '../local/topology.ts'
import { stopSignal } from '../process/stop-signal.ts'
import { checkPassword } from '../services/orders/staff/password-rules.ts'

export const summary =
  'run a whole store on this machine [--demo on|off: the sample catalogue, on at first start]'

export async function run(args: string[]): Promise<number> {
  const demo = readDemo(args)
  if (demo === undefined) {
    console.error('usage: octavo start [--demo on|off]')
    return 2
  }
  // Said before anything starts: the role that makes the account would end over and over.
  const { staffPassword } = readSecrets(process.env, ['staffPassword'])
  if (staffPassword !== undefined) checkPassword(staffPassword, readConfig(process.env).staff.email)
  // Nobody may be left to read it: that is no reason to end.
  process.stdout.on('error', () => {})
  await runStore({
    config: readConfig(process.env),
    topology: laptop,
    env: process.env,
    liveness: livenessLimits,
    demo,
    write: (text) => process.stdout.write(text),
    withColour: wantsColour(process.stdout, process.env),
    stop: stopSignal(),
  })
  return 0
}

function readDemo(args: string[]): boolean | undefined {
  try {
    const { values } = parseArgs({ args, options: { demo: { type: 'string', default: 'on' } } })
    return values.demo === 'on' ? true : values.demo === 'off' ? false : undefined
  } catch {
    // What was given instead is answered with what can be given.
    return undefined
  }
}
