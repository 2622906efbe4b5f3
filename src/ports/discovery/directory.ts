import type { Instance } from './discovery.ts'

/** What one process knows of the instances, by service: the memory behind each adapter. */
export type Directory = {
  instances(service: string): readonly Instance[]
  all(): readonly Instance[]
  /** Takes a new list and tells the listeners when it differs from the one before. */
  replace(instances: readonly Instance[]): void
  onChange(listener: () => void): Disposable
}

const nobody: readonly Instance[] = []

export function createDirectory(): Directory {
  let all: readonly Instance[] = []
  let byService = new Map<string, Instance[]>()
  let fingerprint = ''
  const listeners = new Set<() => void>()
  return {
    instances: (service) => byService.get(service) ?? nobody,
    all: () => all,
    replace(instances) {
      const sorted = instances.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      const next = JSON.stringify(sorted.map((i) => [i.service, i.id, i.url, i.version]))
      if (next === fingerprint) return
      fingerprint = next
      all = sorted
      byService = Map.groupBy(sorted, (instance) => instance.service)
      for (const listener of listeners) listener()
    },
    onChange(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}

/** Unique per instance, and the order in which instances are listed. */
export const keyOf = (instance: { service: string; id: string }) => `${instance.service}/${instance.id}`
