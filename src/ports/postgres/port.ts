/** What PostgreSQL alone has: for adapters and services whose SQL is written for it. */
export { intArray, textArray, uuidArray } from './binary-array.ts'
export { type DoorbellOptions, listenForRings } from './listen.ts'
