import { createMeter, type Meter } from './meter.ts'
import { protobufOf, protobufType, takesProtobuf } from './protobuf.ts'
import { addRuntime } from './runtime.ts'
import { textOf, textType } from './text.ts'

/** Of the whole process: its runtime, and what it asks of databases, brokers and other services. */
export const processMeter: Meter = createMeter()

const meters = new Map<string, Meter>()

/** Of one role, several of which may share a process: each listener shows its own role's. */
export function roleMeter(role: string): Meter {
  const meter = meters.get(role) ?? createMeter()
  meters.set(role, meter)
  return meter
}

/** One number that is read when somebody looks. */
export const observeOne = (meter: Meter, name: string, help: string, read: () => number) =>
  meter.observed(name, help, [], () => [[read()]])

let hasRuntime = false

/**
 * What `/metrics` of a role says: its own numbers and those of the process it runs in.
 * @param accept the header of that name: a Prometheus that takes native histograms asks for them by it
 * @param more numbers that are kept apart from the role's
 */
export function metricsOf(role: string, accept = '', more?: Meter): { type: string; body: string | Buffer } {
  if (!hasRuntime) addRuntime(processMeter)
  hasRuntime = true
  const meters = [roleMeter(role), ...(more === undefined ? [] : [more]), processMeter]
  const families = meters.flatMap((meter) => [...meter.families()])
  return takesProtobuf(accept)
    ? { type: protobufType, body: protobufOf(families) }
    : { type: textType, body: textOf(families) }
}
