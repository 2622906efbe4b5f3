import {
  type ClusterMemory,
  type ClusterSpec,
  type FleetSpec,
  freshCluster,
} from '../../src/services/fleet/decisions/model.ts'

const usual: Omit<ClusterSpec, 'name' | 'url'> = {
  ...{ numbersUrl: '', ring: 0, capacity: 1_000, key: 'k', intent: 'serve', keeper: undefined },
  ...{ approvedBy: ['ada', 'ben'], isProduction: true },
}

/** A fleet that somebody wants the databases of somewhere. @param accepted the turn whose loss he accepts */
export const specOf = (
  names: readonly string[],
  { wanted, accepted }: { wanted: string; accepted: number | undefined },
): FleetSpec => ({
  ...{ paused: false, dryRun: false, version: '1', clustersMin: names.length, dns: undefined, placement: '' },
  clusters: names.map((name) => ({ ...usual, name, url: `http://${name}` })),
  databases: {
    ...{ home: wanted, lostAfterMs: 5_000, acceptLossOf: accepted },
    operator: { namespace: 'o', names: { 'order-db': 'orders', 'book-db': 'books' }, clusters: names },
  },
  rollout: {
    ...{ canaryPercent: 5, soakMs: 60_000, ordersMin: 100, readyLimitMs: 60_000 },
    ...{ failedPercentMax: 1, slowPercentMax: 10 },
  },
})

export const memberOf = (name: string): ClusterMemory => ({
  ...{ ...freshCluster, phase: 'serving', version: '1', weight: 100, key: `key of ${name}` },
})
