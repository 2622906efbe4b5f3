/** What a process that works for this one gets of its environment: nothing secret, and what Node itself reads. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE, NODE_EXTRA_CA_CERTS } = process.env
  return { PATH, NODE_COMPILE_CACHE, ...(NODE_EXTRA_CA_CERTS !== undefined && { NODE_EXTRA_CA_CERTS }) }
}
