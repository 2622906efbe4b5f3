import { ConfigError, type Environment, oneOf } from './setting-values.ts'

/** Ways in which a store can be made to fail, to see what that looks like. */
export const faultNames = [
  ...(['slow-payment', 'failing-payment', 'failing-pdf', 'lost-notifications'] as const),
  ...(['slow-replica', 'cache-liar'] as const),
] as const
export type FaultName = (typeof faultNames)[number]

/** @throws ConfigError for one that there is not, and for any in production */
export function faultsOf(env: Environment): readonly FaultName[] {
  const place = oneOf(env, 'OCTAVO_ENV', ['staging', 'production'])
  const asked = (env.OCTAVO_FAULTS ?? '').split(',').filter(Boolean)
  const found = faultNames.filter((name) => asked.includes(name))
  if (found.length < asked.length)
    throw new ConfigError(`OCTAVO_FAULTS is "${env.OCTAVO_FAULTS}"; it may have ${faultNames.join(', ')}`)
  if (found.length > 0 && place === 'production')
    throw new ConfigError(
      'OCTAVO_FAULTS is set, and OCTAVO_ENV is production; nothing fails there on purpose',
    )
  return found
}
