/**
 * The named moments of two-phase commit at which a test lets a process die or freeze. Without a test nothing listens,
 * and a moment costs one comparison.
 */
export const faultPoints = [
  'coordinator:before-prepare',
  'coordinator:after-prepare',
  'coordinator:after-decision',
  'coordinator:after-answer',
  'coordinator:after-commit',
  'catalog:before-prepare',
  'catalog:after-prepare',
  'catalog:before-commit',
  'catalog:after-commit',
  'orders:before-decision',
  'orders:after-decision',
] as const
export type FaultPoint = (typeof faultPoints)[number]

let listener: ((point: FaultPoint) => Promise<void>) | undefined

/** Marks that a process has come to a point. */
export function faultPoint(point: FaultPoint): Promise<void> | undefined {
  return listener?.(point)
}

/** For tests alone: calls back at every point this process comes to. */
export function onFaultPoint(reached: (point: FaultPoint) => Promise<void>): void {
  listener = reached
}
