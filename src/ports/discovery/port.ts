import { adapterFor } from '#kernel/adapters'
import { systemClock } from '#ports/clock'
import type { Discovery, DiscoveryOptions } from './discovery.ts'

type Open = (url: string, options: Required<DiscoveryOptions>) => Promise<Discovery>

const registry: Open = async (url, { secret, clock }) =>
  (await import('./registry.ts')).openRegistry(url, secret, clock)
const kubernetes: Open = async (url, { clock }) =>
  (await import('./kubernetes.ts')).openKubernetesDiscovery(url, clock)
const fixed: Open = async (url) => (await import('./static.ts')).openStatic(url)

/** By the URL's scheme. */
export const discoveryAdapters: Readonly<Record<string, Open>> = { registry, kubernetes, static: fixed }

/**
 * Opens the adapter that the URL's scheme names: `registry://host:port` (the registry role, over HTTP),
 * `kubernetes://host:port/namespace/release` (the Services of a cluster) or
 * `static:catalog=http://host:port;orders=http://host:port` (a fixed set).
 * @throws TypeError when the URL names no adapter or cannot be read
 */
export async function openDiscovery(url: string, options: DiscoveryOptions): Promise<Discovery> {
  return await adapterFor(url, 'discovery', discoveryAdapters)(url, { clock: systemClock, ...options })
}

export type { Discovery, DiscoveryOptions, Instance } from './discovery.ts'
