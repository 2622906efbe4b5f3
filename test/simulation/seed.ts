const given = process.env.OCTAVO_SEED

/** Whether the schedule of one seed is to be told step by step: the first seed of a run that failed. */
export const isReplay = given !== undefined
export const firstSeed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
