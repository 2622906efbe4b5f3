/** A part is away, or did not answer in time: whether it did what was asked is unknown. */
export class Unavailable extends Error {
  override name = 'Unavailable'
}
