import { type Clock, systemClock } from '#ports/clock'

/** Who is there: instances of each service, kept fresh in the background. */
export type Discovery = AsyncDisposable & {
  /** Announces an instance under a lease and keeps renewing it until disposed; never throws because the registry is away. */
  register(instance: Instance): Promise<AsyncDisposable>
  /** Known healthy instances, from memory; empty when none is known. A registry that is away changes nothing. */
  instances(service: string): readonly Instance[]
  /** Calls back whenever the instances of any service change. */
  onChange(listener: () => void): Disposable
  /** Resolves once the first answer has come in, or after `timeoutMs`. */
  ready(timeoutMs: number): Promise<void>
}

export type Instance = { service: string; id: string; url: string; version: string }

export type DiscoveryOptions = {
  /** Shared by Octavo's processes; proves to the registry that a call comes from one of them. */
  secret: string
  clock?: Clock
}

/**
 * Opens the adapter that the URL's scheme names: `registry://host:port` (the registry role, over HTTP),
 * `kubernetes://host:port/namespace/release` (the Services of a cluster) or
 * `static:catalog=http://host:port;orders=http://host:port` (a fixed set).
 * @throws TypeError when the URL names no adapter or cannot be read
 */
export async function openDiscovery(url: string, options: DiscoveryOptions): Promise<Discovery> {
  const { secret, clock = systemClock } = options
  const scheme = url.slice(0, url.indexOf(':'))
  switch (scheme) {
    case 'registry':
      return (await import('./registry.ts')).openRegistry(url, secret, clock)
    case 'kubernetes':
      return (await import('./kubernetes.ts')).openKubernetesDiscovery(url, clock)
    case 'static':
      return (await import('./static.ts')).openStatic(url)
    default:
      throw new TypeError(
        `no discovery adapter for "${url}": expected registry://host:port, kubernetes: or static:…`,
      )
  }
}
