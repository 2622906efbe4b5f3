import type { FleetView } from '#services/edge'

const seen = {
  ...{
    isUp: true,
    isMixed: false,
    isProbed: true,
    isCutOff: false,
    isSlow: false,
    weight: 100,
    takesWrites: true,
  },
  ...{ inFlight: 4, streams: 12, requests: 48_210, failed: 3, rerouted: 2, trips: 0, downs: 0 },
  ...{ ordersTaken: 1_234, ordersFailed: 0, ordersSlow: 1, version: '1.0.0' },
}
const cluster = {
  ...{
    phase: 'serving',
    version: '1.0.0',
    weight: 100,
    ring: 0,
    approvedBy: ['ada', 'ben'],
    approvalsNeeded: 2,
  },
  ...{ intent: 'serve', why: 'serving', homeOf: [] },
}

/** A fleet with something of everything, for those who look at its page. */
export const shownFleet: FleetView = {
  ...{ asOf: '2026-11-29T03:00:00.000Z', revision: 41, epoch: 3, wanted: '1.1.0', paused: false },
  ...{ message: 'south: 1.0.0 → 1.1.0, soaking', blocked: 'nobody has made it known' },
  clusters: [
    { ...cluster, name: 'north', homeOf: ['order-db', 'book-db'], seen: { ...seen, name: 'north' } },
    {
      ...cluster,
      name: 'south',
      version: '1.1.0',
      weight: 5,
      seen: { ...seen, name: 'south', isSlow: true },
    },
    {
      ...{ ...cluster, name: 'west', why: 'lost, as the edges see it' },
      seen: { ...seen, name: 'west', isUp: false, reason: 'no answer within 900 ms', ordersFailed: 7 },
    },
    {
      ...cluster,
      name: 'east',
      phase: 'out',
      version: null,
      weight: 0,
      approvedBy: ['ada'],
      why: null,
      seen: null,
    },
  ],
  rollout: {
    ...{
      version: '1.1.0',
      from: '1.0.0',
      cluster: 'south',
      step: 'soaking',
      since: '2026-11-29T02:58:00.000Z',
    },
  },
  bad: [{ version: '1.0.9', why: '3 of 25 orders failed' }],
  databases: [
    { name: 'order-db', cluster: 'north', epoch: 3, step: 'settled' },
    { name: 'book-db', cluster: 'north', epoch: 3, step: 'promoting' },
  ],
  timeline: [
    { at: '2026-11-29T02:59:00.000Z', text: 'west: lost, as the edges see it' },
    { at: '2026-11-29T02:58:00.000Z', text: 'order-db: north is the primary in turn 3' },
  ],
}
