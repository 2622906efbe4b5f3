import type { FleetPicture } from '#kernel/fleet-picture'
import { withLeavers } from './as-of-now.ts'
import type { FleetMemory, FleetSpec } from './model.ts'
import { isPictured, shownWeight } from './round.ts'
import { takesWrites } from './topology.ts'

/** What edges are told. A cluster that joins is in it without weight, so that they probe it before it gets anything. */
export function pictureOf(spec: FleetSpec, memory: FleetMemory): FleetPicture {
  const { topology, writers } = memory
  const clusters = withLeavers(spec, memory).clusters.flatMap(({ name, url }) => {
    const state = memory.clusters[name]
    if (state === undefined || !isPictured(state.phase)) return []
    return [
      {
        name,
        url,
        weight: shownWeight(memory, name),
        takesWrites: topology ? takesWrites(topology, name) : (writers?.includes(name) ?? true),
      },
    ]
  })
  return { revision: memory.revision, epoch: memory.epoch, clusters }
}
