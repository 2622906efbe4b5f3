/**
 * The adapter that a URL's scheme names; `test+postgres://…` has the scheme `test+postgres`.
 * @param port what the adapters are of, for the error
 * @throws TypeError naming the schemes there are when the URL has none of them
 */
export function adapterFor<Adapter>(
  url: string,
  port: string,
  adapters: Readonly<Record<string, Adapter>>,
): Adapter {
  const scheme = url.split(':', 1)[0] ?? ''
  const adapter = Object.hasOwn(adapters, scheme) ? adapters[scheme] : undefined
  if (adapter !== undefined) return adapter
  const known = Object.keys(adapters).map((name) => `${name}:`)
  throw new TypeError(`no ${port} adapter for "${scheme}:"; there is ${known.join(', ')}`)
}
