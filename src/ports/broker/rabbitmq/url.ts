import { readFileSync } from 'node:fs'

export type RabbitUrl = {
  nodes: { host: string; port: number }[]
  username: string
  password: string
  vhost: string
  tls: { ca?: Buffer; cert?: Buffer; key?: Buffer } | undefined
}

/**
 * Reads `amqp://user:password@host:port,host:port/vhost`, with `amqps:` for TLS. Parameters: `ca`, `cert` and `key` name
 * PEM files. Without a user it is guest, without a virtual host `/`.
 * @throws TypeError saying what is wrong, without the password
 */
export function parseRabbitUrl(url: string): RabbitUrl {
  const match = /^(amqps?):\/\/(?:([^@/?]*)@)?([^/?@]+)(?:\/([^/?]*))?(?:\?(.*))?$/.exec(url)
  if (match === null)
    throw new TypeError('a RabbitMQ URL should look like amqp://user:password@host:5672,host:5672/vhost')
  const [, scheme, credentials = 'guest:guest', hosts = '', vhost = '', query = ''] = match
  const [username = '', password = ''] = splitOnce(credentials).map(decodeURIComponent)
  const parameters = new URLSearchParams(query)
  const unknown = [...parameters.keys()].filter((name) => !['ca', 'cert', 'key'].includes(name))
  if (unknown.length > 0)
    throw new TypeError(`a RabbitMQ URL has no parameter "${unknown[0]}"; there are ca, cert and key`)
  const file = (name: string) => {
    const path = parameters.get(name)
    return path === null ? {} : { [name]: readFileSync(path) }
  }
  return {
    nodes: hosts.split(',').map((text) => nodeOf(text, scheme === 'amqps' ? 5671 : 5672)),
    username,
    password,
    vhost: vhost === '' ? '/' : decodeURIComponent(vhost),
    tls: scheme === 'amqps' ? { ...file('ca'), ...file('cert'), ...file('key') } : undefined,
  }
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(':')
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function nodeOf(text: string, usualPort: number): { host: string; port: number } {
  const match = /^(\[[0-9a-f:]+\]|[^:\s]+)(?::(\d{1,5}))?$/i.exec(text)
  const port = Number(match?.[2] ?? usualPort)
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    throw new TypeError(`"${text}" in the RabbitMQ URL is no host:port`)
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}
