/** What PostgreSQL alone has: for adapters and services whose SQL is written for it. */
export { addressesIn } from './addresses.ts'
export { intArray, textArray, uuidArray } from './binary-array.ts'
export { askState, serverName } from './database-state.ts'
export { cut, NoPrimary, type Primary, primaryOf } from './find-primary.ts'
export { type FollowOptions, followLog, type LogFollower } from './follow-log.ts'
export { type DoorbellOptions, listenForRings } from './listen.ts'
export { parseLsn } from './lsn.ts'
export { askStanding, type Follower, type Standing, standingOf, standingQuery } from './standing.ts'
