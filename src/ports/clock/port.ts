/** Time, randomness and ids, and what is done over and over in time. */
export { type Clock, systemClock, uuid7, uuid7TimeMs } from './clock.ts'
export { type EveryOptions, every } from './every.ts'
export { type Loop, type LoopOptions, startLoop } from './loop.ts'
