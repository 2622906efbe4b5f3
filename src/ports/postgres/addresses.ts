/**
 * The URLs of single servers that one URL of several stands for. Hosts are parted by commas, in the authority or in
 * `?host=` (folders of sockets too), each with its port; `target_session_attrs` is left out.
 * Source: PostgreSQL manual, 32.1.1.3 "Specifying Multiple Hosts".
 * @throws TypeError when ports and hosts do not fit each other, or the URL asks for no primary
 */
export function addressesIn(url: string): string[] {
  const [, scheme = '', userinfo = '', authority = '', path = '', query = ''] =
    /^([a-z+]+:\/\/)([^@/?]*@)?([^/?]*)([^?]*)(?:\?(.*))?$/s.exec(url) ?? []
  const parameters = new URLSearchParams(query)
  const wanted = parameters.get('target_session_attrs') ?? 'primary'
  if (!['primary', 'read-write', 'any'].includes(wanted))
    throw new TypeError(
      `target_session_attrs is "${wanted}"; a database that is written to needs primary or read-write`,
    )
  const named = parameters.get('host')
  const hosts =
    named === null
      ? authority.split(',').map(hostAndPort)
      : named.split(',').map((host) => ({ host, port: '' }))
  const ports = (parameters.get('port') ?? '').split(',')
  if (ports.length !== 1 && ports.length !== hosts.length)
    throw new TypeError(`a database URL names ${hosts.length} hosts and ${ports.length} ports`)
  for (const name of ['host', 'port', 'target_session_attrs']) parameters.delete(name)
  return hosts.map(({ host, port: own }, index) => {
    const port = own || (ports.length === 1 ? ports[0] : ports[index]) || ''
    const isFolder = host.startsWith('/')
    const each = new URLSearchParams(parameters)
    // A folder can stand nowhere else, and keeps its port there.
    if (isFolder) each.set('host', host)
    if (isFolder && port) each.set('port', port)
    const place = isFolder ? 'localhost' : port ? `${host}:${port}` : host
    const rest = each.size > 0 ? `?${each}` : ''
    return `${scheme}${userinfo}${place}${path}${rest}`
  })
}

function hostAndPort(text: string): { host: string; port: string } {
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? []
  return { host, port }
}
