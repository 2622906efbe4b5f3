import { Unavailable } from '#kernel/unavailable'
import type { Process } from './process.ts'
import type { World } from './world.ts'

export type Network = {
  /**
   * A call from one process to some instance of a service: the request and the answer are late, lost or doubled as
   * chance has it. Rejects with Unavailable when no answer came within `deadlineMs`, or nobody could be reached.
   */
  call<T>(
    from: Process,
    to: readonly Process[],
    invoke: (callee: Process) => Promise<T>,
    deadlineMs: number,
  ): Promise<T>
  /** From then on nothing is lost or doubled any more, and all is quick. */
  heal(): void
}

export type Weather = {
  /** Probability that a message is lost. */
  loss: number
  /** Probability that a request arrives twice. */
  doubling: number
  /** Probability that a message takes up to `lateMs` instead of up to 2 ms. */
  lateness: number
  lateMs: number
}

export function createNetwork(world: World, weather: Weather): Network {
  let bad = { ...weather }
  const travelMs = () =>
    world.chance(bad.lateness) ? world.random() * bad.lateMs : 0.2 + world.random() * 1.8
  return {
    heal() {
      bad = { loss: 0, doubling: 0, lateness: 0, lateMs: 0 }
    },
    call(from, to, invoke, deadlineMs) {
      const fromLife = from.life
      return new Promise((resolve, reject) => {
        let isSettled = false
        const back = (settle: () => void) =>
          from.deliver(fromLife, () => {
            if (isSettled) return
            isSettled = true
            settle()
          })
        const callee = chosen(world, to)
        if (callee === undefined) {
          world.after(1, () => back(() => reject(new Unavailable('nobody can be reached'))))
          return
        }
        world.after(deadlineMs, () => back(() => reject(new Unavailable('no answer in time'))))
        const answer = (settle: () => void) => {
          if (!world.chance(bad.loss)) world.after(travelMs(), () => back(settle))
        }
        const arrive = () => {
          world.hazard(callee)
          if (!callee.isUp) return answer(() => reject(new Unavailable('the connection was lost')))
          callee.deliver(callee.life, () =>
            invoke(callee).then(
              (value) => answer(() => resolve(value)),
              (error) => answer(() => reject(error)),
            ),
          )
        }
        const copies = world.chance(bad.doubling) ? 2 : 1
        for (let i = 0; i < copies; i++) if (!world.chance(bad.loss)) world.after(travelMs(), arrive)
      })
    },
  }
}

function chosen(world: World, instances: readonly Process[]): Process | undefined {
  const up = instances.filter((instance) => instance.isUp)
  // Mostly the same one, as the real client prefers; sometimes another, as after a failure.
  return world.chance(0.8) ? up[0] : up[world.below(up.length)]
}
