/** The fleet's controller is told what to do by a BookstoreFleet on the hub, and tells of itself there. */
export const listens = 'hub'
