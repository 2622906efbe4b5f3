import type { FleetSpec } from '../../src/services/fleet/decisions/model.ts'

/** When a schedule does what; nobody is revoked where that is empty. */
export type Plan = {
  upgradeMs: number
  drained: string
  drainMs: number
  revoked: string
  revokeMs: number
  busyMs: number
}

export function planOf(names: readonly string[], below: (n: number) => number, random: () => number): Plan {
  const some = () => names[below(names.length)] as string
  return {
    upgradeMs: 100_000 + below(300_000),
    drained: some(),
    drainMs: 150_000 + below(400_000),
    revoked: random() < 0.3 ? some() : '',
    revokeMs: 300_000 + below(300_000),
    busyMs: 100_000 + below(400_000),
  }
}

/** What is wanted of the fleet at one moment. */
export function specAt(nowMs: number, home: string, names: readonly string[], plan: Plan): FleetSpec {
  const isDraining = nowMs > plan.drainMs && nowMs < plan.drainMs + 150_000
  const isRevoked = (name: string) => name === plan.revoked && nowMs > plan.revokeMs
  return {
    ...{ paused: false, dryRun: false, version: nowMs > plan.upgradeMs ? '2' : '1', clustersMin: 2 },
    ...{ dns: undefined, placement: '' },
    clusters: names.map((name, ring) => ({
      ...{ name, url: `http://${name}`, numbersUrl: '', ring, capacity: 40, key: `key of ${name}` },
      ...{ approvedBy: ['ada', 'ben'], isProduction: true, keeper: undefined },
      intent: isRevoked(name) ? 'revoke' : isDraining && name === plan.drained ? 'drain' : 'serve',
    })),
    databases: {
      ...{ home, lostAfterMs: 5_000 },
      operator: { namespace: 'o', names: { 'order-db': 'orders', 'book-db': 'books' }, clusters: names },
    },
    rollout: {
      ...{ canaryPercent: 5, soakMs: 30_000, ordersMin: 50, readyLimitMs: 90_000 },
      ...{ failedPercentMax: 2, slowPercentMax: 20 },
    },
  }
}
