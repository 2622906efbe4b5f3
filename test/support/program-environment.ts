/**
 * What a program needs of this process's environment, and no setting of the store. With what Node has compiled once: a
 * store is a dozen processes, and a test file starts it again and again.
 */
export function programEnvironment(): Record<string, string | undefined> {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) }
}
