export type RedisUrl = {
  nodes: { host: string; port: number }[]
  username?: string
  password?: string
  tls: boolean
}

/**
 * Reads `redis://[user[:password]@]host[:port],host[:port]…`, with `rediss:` for TLS; a scheme may end in `-cluster`.
 * @throws Error saying what is wrong, without the password
 */
export function parseRedisUrl(url: string): RedisUrl {
  const match = /^(rediss?)(?:-cluster)?:\/\/(?:([^@/]*)@)?([^/@]+)\/?$/.exec(url)
  if (match === null)
    throw new Error('OCTAVO_CACHE should look like redis://host:6379,host:6379 or redis://user:password@host')
  const [, scheme, credentials = '', hosts = ''] = match
  const [username = '', password = ''] = credentials.split(':', 2).map(decodeURIComponent)
  return {
    nodes: hosts.split(',').map(nodeOf),
    tls: scheme === 'rediss',
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
  }
}

function nodeOf(text: string): { host: string; port: number } {
  const match = /^(\[[0-9a-f:]+\]|[^:\s]+)(?::(\d{1,5}))?$/i.exec(text)
  const port = Number(match?.[2] ?? 6379)
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    throw new Error(`"${text}" in OCTAVO_CACHE is no host:port`)
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}
