import type { Clock } from '#ports/clock'

/** Who is there: instances of each service, kept fresh in the background. */
export type Discovery = AsyncDisposable & {
  /** Registers an instance under a lease and keeps renewing it until disposed; never throws because the registry is away. */
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
