import type { FleetPicture } from '#kernel/fleet-picture'

export type Pending = { id: number; cluster: string; epoch: number; sentTick: number }

/** An edge: it goes by the last picture that it has heard of, and begins with the one on its disk. */
export class SimEdge {
  picture: FleetPicture
  /** It hears nothing of the hub, and the controller nothing of it. */
  cutUntil = 0
  pending: Pending[] = []
  #disk: FleetPicture

  constructor(picture: FleetPicture) {
    this.picture = this.#disk = picture
  }

  /** That it says it follows. */
  revision(isKeptFirst: boolean): number {
    return (isKeptFirst ? this.#disk : this.picture).revision
  }

  get writers(): string[] {
    return this.picture.clusters.flatMap(({ name, takesWrites }) => (takesWrites ? [name] : []))
  }

  /** @param abandons with a later turn it waits for no answers of clusters that take nothing in that */
  follow(picture: FleetPicture, abandons: boolean): void {
    if (picture.epoch < this.picture.epoch) return
    const isLater = picture.epoch > this.picture.epoch
    this.picture = picture
    if (isLater && abandons)
      this.pending = this.pending.filter(({ cluster }) => this.writers.includes(cluster))
  }

  keep(): void {
    this.#disk = this.picture
  }

  /** Whoever waits for an answer of it gets none. */
  crash(): void {
    this.picture = this.#disk
    this.pending = []
  }
}
