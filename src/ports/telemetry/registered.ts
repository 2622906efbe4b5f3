import { createMeter, type Meter } from './meter.ts'
import { addRuntime } from './runtime.ts'

/** Of the whole process: its runtime, and what it asks of databases, brokers and other services. */
export const processMeter: Meter = createMeter()

const meters = new Map<string, Meter>()

/** Of one role, several of which may share a process: each listener shows its own role's. */
export function roleMeter(role: string): Meter {
  const meter = meters.get(role) ?? createMeter()
  meters.set(role, meter)
  return meter
}

let hasRuntime = false

/** What `/metrics` of a role says: its own numbers and those of the process it runs in. */
export function metricsText(role: string): string {
  if (!hasRuntime) addRuntime(processMeter)
  hasRuntime = true
  return roleMeter(role).text() + processMeter.text()
}
